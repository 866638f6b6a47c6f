"""Cross-validation by patient: every image is left out of training once, with its patient."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from jaxcovid.data.dataset import Dataset, Member, Pool, Split, subset
from jaxcovid.data.layout import Layout
from jaxcovid.data.splits import drawn_splits
from jaxcovid.errors import check

# Of what is not left out, the shares that train, and that choose the epoch and thresholds.
INNER = {"train": 85.0, "validation": 15.0}


class Fold(NamedTuple):
    """Places of images among all: those that train, that choose epoch and thresholds, left out."""

    train: Int[np.ndarray, "_"]
    validation: Int[np.ndarray, "_"]
    test: Int[np.ndarray, "_"]


def drawn_folds(
    classes: Sequence[str],
    patients: Sequence[str],
    count: int,
    seed: int,
    shares: Mapping[str, float] = INNER,
) -> list[Fold]:
    """So many folds of images, by the class and the patient of each; every class in proportion.

    Each image is left out in one fold, and images of one patient are always together; an empty name
    is a patient of its own. `shares` divide what is not left out. The same seed draws the same
    folds. Raises InputError if a class has too few patients.
    """
    names = [name or f"\0{place}" for place, name in enumerate(patients)]
    check(_too_few(classes, names, count))
    of_image = [frozenset((name,)) for name in classes]
    left_out = np.array(
        drawn_splits(of_image, names, {str(number): 1.0 for number in range(count)}, seed)
    )
    folds = []
    for number in range(count):
        others = np.flatnonzero(left_out != str(number))
        inner = np.array(
            drawn_splits(
                [of_image[place] for place in others],
                [names[place] for place in others],
                shares,
                seed,
            )
        )
        folds.append(
            Fold(
                others[inner == "train"],
                others[inner == "validation"],
                np.flatnonzero(left_out == str(number)),
            )
        )
    return folds


def pooled(layout: Layout) -> Layout:
    """A layout whose labelled images all train, but for those of a test split: it stays apart."""
    files = tuple(
        file if file.split == "test" or file.label is None else file._replace(split="train")
        for file in layout.files
    )
    return layout._replace(files=files)


def folds_of(dataset: Dataset, count: int, seed: int, shares: Sequence[float] = ()) -> list[Fold]:
    """The folds of a pooled dataset's training images, with the shares of the settings, if any.

    Raises InputError as `drawn_folds` does.
    """
    classes = [dataset.classes[label] for label in dataset.splits["train"].labels]
    known = dataset.patient_names.get("train") or ("",) * len(classes)
    inner = dict(zip(INNER, shares or INNER.values(), strict=False))
    return drawn_folds(classes, [name or "" for name in known], count, seed, inner)


def dataset_of_fold(dataset: Dataset, fold: Fold) -> Dataset:
    """A fold of a pooled dataset: it trains, chooses, and its test images are those left out."""
    places, whole = fold._asdict(), dataset.splits["train"]
    pool = whole._replace(
        pool=Pool(np.arange(len(whole.labels), dtype=np.int32), len(whole.labels))
    )
    alone = _not_augmented(pool)
    patients, names = dataset.patients.get("train"), dataset.patient_names.get("train")
    columns = dataset.columns.get("train", {})
    return dataset._replace(
        splits={
            name: subset(pool if name == "train" else alone, rows) for name, rows in places.items()
        },
        patients={
            name: None if patients is None else patients[rows] for name, rows in places.items()
        },
        patient_names={
            name: () if names is None else tuple(names[row] for row in rows)
            for name, rows in places.items()
        },
        columns={
            name: {column: tuple(of[row] for row in rows) for column, of in columns.items()}
            for name, rows in places.items()
        },
        members=members_of(dataset, places),
    )


def members_of(dataset: Dataset, places: Mapping[str, Int[np.ndarray, "_"]]) -> tuple[Member, ...]:
    """A pooled dataset's images, each with the name of the places it is among, for a table."""
    pool = dataset.splits["train"]
    patients = dataset.patient_names.get("train") or (None,) * len(pool.labels)
    return tuple(
        Member(pool.paths[row], dataset.classes[pool.labels[row]], patients[row] or "", name)
        for name, rows in places.items()
        for row in rows
    )


def _not_augmented(split: Split) -> Split:
    """The split without the views that only training needs."""
    count, channels = len(split.labels), split.augmentable.shape[3]
    return split._replace(
        augmentable=np.zeros((count, 0, 0, channels), np.uint8), sizes=np.zeros_like(split.sizes)
    )


def _too_few(classes: Sequence[str], patients: Sequence[str], count: int) -> list[str]:
    of_class: dict[str, set[str]] = defaultdict(set)
    for name, patient in zip(classes, patients, strict=True):
        of_class[name].add(patient)
    needed = max(count, 4)  # those of two folds each train and choose in the other
    return [
        f"`folds`: only {len(people)} patient(s) of class {name!r} (an image of no known patient "
        f"counts as one), and {count} folds need {needed}; ask for fewer folds, or add images"
        for name, people in sorted(of_class.items())
        if len(people) < needed
    ]
