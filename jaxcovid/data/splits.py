"""Splits drawn anew: whole patients, every class in proportion, the same for the same seed."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from jaxcovid.errors import InputError

# Percent of the images, where nothing else is asked for.
SHARES = {"train": 70.0, "validation": 15.0, "test": 15.0}

# Fewer patients of one combination of classes are drawn together with others.
_FEW = 10

# So many draws are tried until every class is in every split.
_DRAWS = 100


def drawn_splits(
    classes: Sequence[frozenset[str]],
    patients: Sequence[str],
    shares: Mapping[str, float],
    seed: int,
    kind: str = "class",
) -> list[str]:
    """The split of each image, of the names in `shares`, which say how many images each gets.

    `classes` are those of each image, called `kind` in messages, `patients` who it is of. The order
    of the images makes no difference. Raises InputError if a class cannot have a patient in every
    split.
    """
    of_patient: dict[str, set[str]] = {}
    for patient, of_image in zip(patients, classes, strict=True):
        of_patient.setdefault(patient, set()).update(of_image)
    _check_enough(of_patient, len(shares), kind)
    images = Counter(patients)
    strata = _strata({name: frozenset(found) for name, found in of_patient.items()})
    for draw in range(_DRAWS):
        generator = np.random.default_rng([seed, draw])
        split_of: dict[str, str] = {}
        for _, members in sorted(strata.items()):
            order = [members[place] for place in generator.permutation(len(members))]
            split_of |= _cut(order, images, shares, int(generator.integers(2)))
        if _all_classes(of_patient, split_of) == len(shares):
            return [split_of[patient] for patient in patients]
    raise InputError(
        [
            f"`split`: no draw was found that puts every {kind} into every split, as patients have "
            "several; give fewer splits, or a table with a split"
        ]
    )


def _check_enough(of_patient: Mapping[str, set[str]], splits: int, kind: str) -> None:
    counts = Counter(name for found in of_patient.values() for name in found)
    few = [
        f"`split`: only {count} patient(s) of {kind} {name!r} for {splits} splits (an image of no "
        f"known patient counts as one); add images of others, or leave the {kind} out"
        + (", or ask for fewer splits, such as 80 20" if splits > 2 else "")
        for name, count in sorted(counts.items())
        if count < splits
    ]
    if few:
        raise InputError(few)


def _strata(classes: Mapping[str, frozenset[str]]) -> dict[tuple[str, ...], list[str]]:
    """Patients, sorted, by what they have images of; rare combinations by their rarest class."""
    combinations = Counter(classes.values())
    frequency = Counter(name for found in classes.values() for name in found)
    strata: dict[tuple[str, ...], list[str]] = {}
    for patient, found in sorted(classes.items()):
        rarest = min(found, key=lambda name: (frequency[name], name), default="")
        key = tuple(sorted(found)) if combinations[found] >= _FEW else (rarest,)
        strata.setdefault(key, []).append(patient)
    return strata


def _cut(
    order: Sequence[str], images: Mapping[str, int], shares: Mapping[str, float], up: int
) -> dict[str, str]:
    """The split of each patient: the first get the first split, up to its share of the images.

    Each split gets one at least, if there are enough. `up` is 1 if who is half in a split, is in
    it, else 0.
    """
    counts = np.array([images[patient] for patient in order])
    # Where the middle of each patient's images lies among all, from 0 to 1.
    middles = (np.cumsum(counts) - counts / 2) / counts.sum()
    ends = np.cumsum(list(shares.values())) / sum(shares.values())
    side = "right" if up else "left"
    bounds = [int(np.searchsorted(middles.round(9), end, side)) for end in ends[:-1].round(9)]
    for place in range(len(bounds)):
        least, left = place + 1, len(order) - (len(bounds) - place)
        bounds[place] = max(min(bounds[place], left), least, bounds[place - 1] + 1 if place else 0)
    places = np.searchsorted(bounds, np.arange(len(order)), side="right")
    names = list(shares)
    return {patient: names[place] for patient, place in zip(order, places, strict=True)}


def _all_classes(of_patient: Mapping[str, set[str]], split_of: Mapping[str, str]) -> int:
    """In how many splits the class is that is in the fewest."""
    splits: dict[str, set[str]] = {}
    for patient, found in of_patient.items():
        for name in found:
            splits.setdefault(name, set()).add(split_of[patient])
    return min(map(len, splits.values()))
