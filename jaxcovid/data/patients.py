"""Which patient each image is of, as images of one patient are alike, and what else is known."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from jaxcovid.csv_file import unguarded
from jaxcovid.data.dataset import Dataset, Row, Split
from jaxcovid.data.patient_rows import Named, Table, joined_row, named, parts_of, rows_of_images
from jaxcovid.data.split_folders import SPLITS, split_named
from jaxcovid.errors import InputError, check, first_line
from jaxcovid.regular_file import read_text

COLUMNS = ("class", "file", "patient")

# Further columns that say where an image comes from, and of whom it is.
FURTHER = ("source", "view", "sex", "age", "manufacturer", "year", "mask")

# Files of NIH ChestX-ray14 (patient, follow-up), and of BIDS, such as BIMCV's; the groups that a
# pattern has are alternatives.
NIH = re.compile(r"(\d{8})_\d{3}\.\w+")
BIDS = re.compile(r"(sub-[A-Za-z0-9]+)_.+")

# Kermany's: a person's number is only unique within bacteria and within virus. Viewers export the
# images of anyone as IM-0001-0001, but with other suffixes.
KERMANY = re.compile(r"(person\d+_(?:bacteria|virus))_.+|((?:NORMAL2-)?IM-\d+)-\d.*\.jpeg")

# Folders of one patient: CheXpert's, BIDS', MIMIC-CXR's.
FOLDERS = re.compile(r"patient\d{5}|sub-[A-Za-z0-9]+|p\d{8}")


class Patients(NamedTuple):
    """Who the images of each split are of, and warnings about that.

    `groups` holds, by split, equal numbers for images of one patient; None if no patient is known
    there. Numbers of two splits have nothing to do with each other, `names` have. `columns` hold
    the table's `FURTHER` columns by split and name; empty where unknown.
    """

    groups: dict[str, Int[np.ndarray, "_"] | None]
    warnings: tuple[str, ...]
    names: dict[str, tuple[str | None, ...]]
    columns: dict[str, dict[str, tuple[str, ...]]]


def with_patients(dataset: Dataset, table: Table | None) -> Dataset:
    """The dataset with what `assign_patients` finds, its warnings after those that it has.

    What the dataset itself knows of its images goes before the table. Raises InputError.
    """
    assigned = assign_patients(dataset.splits, dataset.classes, table, dataset.rows, dataset.tags)
    return dataset._replace(
        patients=assigned.groups,
        patient_names=assigned.names,
        columns=assigned.columns,
        warnings=(*dataset.warnings, *assigned.warnings),
    )


def assign_patients(
    splits: Mapping[str, Split],
    classes: Sequence[str],
    table: Table | None,
    by_path: Mapping[str, Row] | None = None,
    tags: Mapping[str, Row] = MappingProxyType({}),
) -> Patients:
    """Patients of all images, those that `rows_by_split` finds; with `by_path` those alone.

    Where that says nothing of an image, its `tags` do, by path.

    Other images count as patients of their own; a warning says how many, others which patients have
    images in two splits. `classes` are those that the splits' labels number. Raises InputError.
    """
    if by_path is None:
        images = {name: list(_images(name, split, classes)) for name, split in splits.items()}
        found = rows_by_split(images, table)
        rows = {
            name: [
                joined_row(row, tags.get(path))
                for row, path in zip(found[name], split.paths, strict=True)
            ]
            for name, split in splits.items()
        }
    else:
        rows = {name: [by_path.get(path) for path in split.paths] for name, split in splits.items()}
    known = {
        # A row may say where an image is from and not of whom.
        name: tuple((row and row.patient) or None for row in of_split)
        for name, of_split in rows.items()
    }
    groups = {
        name: _numbered(patients) if any(patients) else None for name, patients in known.items()
    }
    unknown = list(_unknown(splits, known))
    total = sum(map(len, known.values()))
    if len(unknown) == total:
        unknown = []  # no patient is known at all, which None says
    warnings = [
        f"{len(unknown)} of {total} image(s) are of no known patient, such as {unknown[0]} "
        "(neither `patients` nor names of files and folders tell); each counts as its own patient"
        for _ in unknown[:1]
    ]
    return Patients(groups, (*warnings, *_shared(known)), known, _columns(rows))


def rows_by_split(
    images: Mapping[str, Sequence[Named]], table: Table | None, alone: bool = True
) -> dict[str, list[Row | None]]:
    """What is known of each image by split: by the table, else by names as public sets have them.

    Raises InputError if it is not clear of which image a row is, or if none is of any image, unless
    that of these is not `alone`, as other data have others.
    """
    rows = rows_of_images(images, table or {})
    if table and alone and not any(row for of_split in rows.values() for row in of_split):
        raise InputError([no_row_fits(table)])
    return {
        split: [
            row or patient_by_path(image) for row, image in zip(rows[split], of_split, strict=True)
        ]
        for split, of_split in images.items()
    }


def no_row_fits(table: Table) -> str:
    """What is wrong with a table of patients none of whose rows is of an image."""
    return (
        f"`patients`: none of the {len(table)} row(s) is of an image of `data`; class must be the "
        "name of its folder, file that of the file or its path"
    )


def read_patients(paths: Sequence[Path]) -> dict[tuple[str, ...], Row]:
    """What CSV files with columns class, file, patient and perhaps split say of images.

    By (class, file), or (class, file, split) from a row with a split, which holds for that split
    only. A file may stand there with the folders that it lies in. Of other columns only those in
    `FURTHER` are read. Raises InputError with all that is wrong, by file and line.
    """
    table: dict[tuple[str, ...], Row] = {}
    problems = []
    for path in paths:
        try:
            text = read_text(path)
            reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                problems.append(
                    f"`patients`: {path}, line 1: no column {' or '.join(missing)}; the first line "
                    f"must name the columns, {','.join(COLUMNS)}, with commas between them"
                )
                continue
            for row in reader:
                problem = _add({name: unguarded(cell) for name, cell in row.items()}, table)
                problems += [f"`patients`: {path}, line {reader.line_num}: {problem}"] * bool(
                    problem
                )
        except (OSError, ValueError, csv.Error) as error:
            problems.append(f"`patients`: {path} is not readable as CSV ({first_line(error)})")
    check(problems)
    return table


def images_of_patients(names: Mapping[str, Sequence[str | None]]) -> dict[str, Counter[str]]:
    """How many images of each patient a split has; `names` are of every image's, by split."""
    images: dict[str, Counter[str]] = {}
    for split, of_split in names.items():
        for patient in of_split:
            if patient is not None:
                images.setdefault(patient, Counter())[split] += 1
    return images


def _add(row: Mapping[str, str | None], table: dict[tuple[str, ...], Row]) -> str | None:
    """Puts a row in the table, or says what is wrong with it."""
    label, file, patient, named = ((row.get(name) or "").strip() for name in (*COLUMNS, "split"))
    if not file or not patient:
        return f"no {'patient' if file else 'file'}; fill it in or remove the line"
    split = split_named(named)
    if named and split is None:
        return f"split {named!r} is none of {', '.join(SPLITS)}; correct it or leave it empty"
    file = "/".join(parts_of(file))
    key = (label, file, split) if split else (label, file)
    further = {name: value for name in FURTHER if (value := (row.get(name) or "").strip())}
    before = table.setdefault(key, Row(patient, further)).patient
    if before != patient:
        return (
            f"{label}/{file} is of patient {patient} here and of {before} before; keep one, or "
            "name the splits in a column split"
        )
    return None


def _columns(rows: Mapping[str, Sequence[Row | None]]) -> dict[str, dict[str, tuple[str, ...]]]:
    """By split and name of the column, what it says of each image; columns that say nothing go."""
    stated = [row.further for of_split in rows.values() for row in of_split if row]
    names = [name for name in FURTHER if any(name in further for further in stated)]
    return {
        split: {
            name: tuple(row.further.get(name, "") if row else "" for row in of_split)
            for name in names
        }
        for split, of_split in rows.items()
    }


def _images(name: str, split: Split, classes: Sequence[str]) -> Iterator[Named]:
    for label, path in zip(split.labels, split.paths, strict=True):
        yield named(path, name, classes[int(label)] if label >= 0 else "")


def patient_by_path(image: Named) -> Row | None:
    """The patient that the names of the folders below the class tell, or that of the file."""
    *folders, file = image.parts[-image.below :]
    for folder in folders:
        if FOLDERS.fullmatch(folder):
            return Row(folder)
    match = NIH.fullmatch(file) or BIDS.fullmatch(file) or KERMANY.fullmatch(file)
    return Row(match[1] or match[2]) if match else None


def _numbered(patients: Sequence[str | None]) -> Int[np.ndarray, "_"]:
    """A number for each patient, and one of its own for each image without."""
    numbers: dict[str | int, int] = {}
    owners = [index if patient is None else patient for index, patient in enumerate(patients)]
    return np.array([numbers.setdefault(owner, len(numbers)) for owner in owners], np.int64)


def _unknown(
    splits: Mapping[str, Split], known: Mapping[str, Sequence[str | None]]
) -> Iterator[str]:
    for name, split in splits.items():
        for path, patient in zip(split.paths, known[name], strict=True):
            if patient is None:
                yield path


def _shared(known: Mapping[str, Sequence[str | None]]) -> Iterator[str]:
    """Warnings of patients in two splits."""
    images = images_of_patients(known)
    for one, other in combinations(known, 2):
        both = sorted(name for name, counts in images.items() if counts[one] and counts[other])
        if both:
            count = "1 patient has" if len(both) == 1 else f"{len(both)} patients have"
            yield (
                f"{count} images in {one} and {other}, such as {both[0]}: that score is partly "
                "memory"
            )
