"""Patients in two splits, splits that follow the order of files, sources of one class only."""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from jaxcovid.data.dataset import Dataset
from jaxcovid.data.patients import NIH, images_of_patients
from jaxcovid.data.split_folders import SPLITS
from jaxcovid.statistics.bootstrap import bootstrap, interval, no_spread

# Fewer patients of a class, and their order says nothing of how they were split.
FEWEST_IN_ORDER = 20
SHUFFLES = 999
# A source is of one class only if chance would hardly make it so.
BY_CHANCE = 1e-3

# Columns that tell where an image comes from, best first.
SOURCES = ("source", "manufacturer")


def patients(dataset: Dataset) -> dict[str, Any]:
    """The check for patients with images in two splits, as audit.json holds it."""
    images = images_of_patients(dataset.patient_names)
    unknown = sum(names.count(None) for names in dataset.patient_names.values())
    shared = [
        {"patient": patient, "splits": list(counts), "images": counts.total()}
        for patient, counts in images.items()
        if len(counts) > 1
    ]
    if len(dataset.splits) < 2:
        return _not_made("there is one split only")
    if not images:
        return _not_made("it is not known who the images are of; give `patients`")
    return {"passed": not shared, "unknown": unknown, "found": shared}


def blocks(dataset: Dataset, seed: int = 0) -> dict[str, Any]:
    """The check whether a split is cut out of the order of file names, as audit.json holds it.

    Names often follow time or place, so what comes last differs from what comes first. By class,
    patients are put in the order of their first file's name, and the runs of one split are counted:
    it fails if they are less than a fourth of what chance makes, and in none of `SHUFFLES` orders
    by chance as few.
    """
    if len(dataset.splits) < 2:
        return _not_made("there is one split only")
    rng = np.random.default_rng(seed)
    in_blocks, tested = [], 0
    for label, name in enumerate(dataset.classes):
        order = _splits_in_order(dataset, label)
        if len(order) < FEWEST_IN_ORDER or len(set(order)) < 2:
            continue
        tested += 1
        numbers = np.unique(order, return_inverse=True)[1]
        runs = _runs(numbers)
        by_chance = np.array([_runs(rng.permutation(numbers)) for _ in range(SHUFFLES)])
        p_value = float((1 + np.sum(by_chance <= runs)) / (1 + SHUFFLES))
        if p_value <= 1 / (1 + SHUFFLES) and runs < by_chance.mean() / 4:
            in_blocks.append(
                {
                    "class": name,
                    "splits": sorted(set(order)),
                    "runs": runs,
                    "expected_runs": round(float(by_chance.mean()), 1),
                    "p_value": p_value,
                }
            )
    if not tested:
        return _not_made(f"no class has {FEWEST_IN_ORDER} patients in two splits")
    return {"passed": not in_blocks, "found": in_blocks}


def sources(dataset: Dataset, seed: int = 0) -> dict[str, Any]:
    """The check for sources of one class only, as audit.json holds it.

    Sources are those of the patients' file, else NIH's by the form of file names. The association
    of source and class is Cramer's V, with an interval over patients.
    """
    labels, names, groups, by = _sources_of(dataset)
    if len(set(names)) < 2:
        reason = f"all images are of {names[0]}" if names else "no source is known"
        what = "passed" if names else "reason"
        if what == "passed":
            return {"passed": True, "note": reason, "by": by, "found": []}
        return _not_made(f"{reason}; give it in a column `source` of the patients' file")
    shares = np.bincount(labels, minlength=len(dataset.classes)) / len(labels)
    one_class = []
    for source in sorted(set(names)):
        members = np.array([name == source for name in names])
        classes = np.unique(labels[members])
        owners = len(np.unique(groups[members]))
        if len(classes) == 1 and shares[classes[0]] ** owners < BY_CHANCE:
            one_class.append(
                {
                    "source": source,
                    "class": dataset.classes[int(classes[0])],
                    "images": int(members.sum()),
                }
            )
    return {
        "passed": not one_class,
        "by": by,
        "association": _association(labels, names, groups, seed),
        "found": one_class,
    }


def _splits_in_order(dataset: Dataset, label: int) -> list[str]:
    """The split of every patient of a class, in the order of their first file's name.

    Names of splits in file names do not count.
    """
    first: dict[tuple[str, Any], tuple[list[Any], str]] = {}
    for name, split in dataset.splits.items():
        names = dataset.patient_names.get(name) or [None] * len(split.paths)
        for place in np.flatnonzero(split.labels == label):
            path = split.paths[int(place)]
            patient = names[int(place)]
            owner = ("patient", patient) if patient is not None else ("image", path)
            key = _natural(path), name
            first[owner] = min(first.get(owner, key), key)
    return [name for _, name in sorted(first.values())]


def _natural(path: str) -> list[Any]:
    """What sorts names as people do, with numbers by their values."""
    aliases = "|".join(alias for names in SPLITS.values() for alias in names)
    stem = re.sub(rf"(?:{aliases})(?![a-z])", "", PurePosixPath(path).stem.lower())
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part)
            for part in re.split(r"(\d+)", stem)]  # fmt: skip


def _runs(numbers: Int[np.ndarray, "n"]) -> int:
    return sum(1 for _ in groupby(numbers.tolist()))


def _sources_of(
    dataset: Dataset,
) -> tuple[Int[np.ndarray, "n"], list[str], Int[np.ndarray, "n"], str]:
    """Labels, sources and patients of the labelled images whose source is known; and how it is."""
    known = {name for columns in dataset.columns.values() for name in columns}
    column = next((name for name in SOURCES if name in known), None)
    labels, names, owners = [], [], []
    for name, split in dataset.splits.items():
        columns = dataset.columns.get(name, {})
        people = dataset.patient_names.get(name) or [None] * len(split.paths)
        values = columns.get(column or "", [""] * len(split.paths))
        if column is None:
            files = [PurePosixPath(path).name for path in split.paths]
            values = ["NIH ChestX-ray14" if NIH.fullmatch(file) else "not NIH" for file in files]
        for place, value in enumerate(values):
            if value and split.labels[place] >= 0:
                labels.append(int(split.labels[place]))
                names.append(value)
                owners.append(people[place] or f"\0{name}/{place}")
    if column is None and set(names) <= {"not NIH"}:
        names, labels, owners = [], [], []
    groups = np.unique(np.array(owners, object).astype(str), return_inverse=True)[1]
    by = "names of files" if column is None else f"column {column}"
    return np.array(labels, np.int32), names, groups, by


def _association(
    labels: Int[np.ndarray, "n"], names: Sequence[str], groups: Int[np.ndarray, "n"], seed: int
) -> dict[str, Any]:
    """Cramer's V of source and class, 0 to 1, with its interval over patients or why there is none.

    With many small sources it is high by chance.
    """
    places = np.unique(np.array(names), return_inverse=True)[1]
    cells = (places.max() + 1, labels.max() + 1)
    of_cell = np.eye(cells[0] * cells[1])[places * cells[1] + labels]

    def statistics(
        weights: Float[np.ndarray, "resample n"],
    ) -> Mapping[str, Float[np.ndarray, "resample"]]:
        return {"v": _cramers_v((weights @ of_cell).reshape(-1, *cells))}

    values = bootstrap(statistics, groups, 1000, seed)["v"]
    count = len(np.unique(groups))
    value = round(float(values[0]), 4) if np.isfinite(values[0]) else None
    reason = no_spread(values, count)
    if value == 0 and not reason:
        reason = "at the end of its range, where no interval is symmetric"
    if value is None or reason:
        return {"value": value, "low": None, "high": None, "reason": reason or "one class only"}
    low, high = interval(values, count)
    return {"value": value, "low": low, "high": high}


def _cramers_v(tables: Float[np.ndarray, "m source class"]) -> Float[np.ndarray, "m"]:
    total = tables.sum((1, 2), keepdims=True)
    by_source, by_class = tables.sum(2, keepdims=True), tables.sum(1, keepdims=True)
    expected = by_source * by_class / total
    squares = np.divide((tables - expected) ** 2, expected, out=np.zeros_like(tables),
                        where=expected > 0)  # fmt: skip
    rows, columns = ((margin > 0).sum((1, 2)) for margin in (by_source, by_class))
    most = total[:, 0, 0] * (np.minimum(rows, columns) - 1)
    share = np.divide(squares.sum((1, 2)), most, out=np.full(len(most), np.nan), where=most > 0)
    return np.sqrt(share).clip(0, 1)


def _not_made(reason: str) -> dict[str, Any]:
    return {"passed": None, "reason": reason, "found": []}
