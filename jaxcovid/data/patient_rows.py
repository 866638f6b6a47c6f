"""Which row of a table is of which image: files are named alone or with folders, by many habits."""

import unicodedata
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import NamedTuple

from jaxcovid.data.dataset import Row
from jaxcovid.data.split_folders import split_named
from jaxcovid.errors import InputError

# So many ambiguities are told one by one.
TOLD = 5


# By (class, file), or (class, file, split) where it holds for that split only. `file` may stand
# there with the folders that it lies in.
Table = Mapping[tuple[str, ...], Row]

Parts = tuple[str, ...]


class Named(NamedTuple):
    """An image by the folders that it lies in.

    `parts` are those of its path; the last `below` of them lie below its class. `classes` are the
    names of its class, "" alone if that is unknown.
    """

    parts: Parts
    below: int
    classes: frozenset[str]


class _Fit(NamedTuple):
    """How far a row's file is that of an image, from the name on; the more, the better it fits.

    `length` is how many names are equal, `of_split` whether the row's further folders name the
    image's split, `whole` whether it has none, `for_split` whether the row is of that split alone.
    """

    length: int
    of_split: bool
    whole: bool
    for_split: bool


_Fits = dict[tuple[str, ...], _Fit]  # by key of the table


def parts_of(path: str) -> Parts:
    """The names in a path, as they compare: composed, whichever slash is between them."""
    names = unicodedata.normalize("NFC", path).replace("\\", "/").split("/")
    return tuple(name for name in names if name not in ("", "."))


def named(path: str, split: str, label: str) -> Named:
    """An image by its path relative to the data; `label` is its class, "" if that is unknown."""
    parts = parts_of(path)
    # A split that was drawn is not the folder's.
    start = int(len(parts) > 1 and split_named(parts[0]) is not None)
    classes = {unicodedata.normalize("NFC", label)}
    if label and len(parts) > start + 1:
        classes.add(parts[start])  # its class may be a join of several
        start += 1
    return Named(parts, len(parts) - start, frozenset(classes))


def rows_of_images(
    images: Mapping[str, Sequence[Named]], table: Table
) -> dict[str, list[Row | None]]:
    """The row of each image by split, None where there is none.

    A row is of the images that fit its file best, and an image's row is the one that fits it best.
    Raises InputError if that leaves several patients for an image, or several images of one split
    for a row.
    """
    whole, ending = _indexed(table)
    fits = {
        split: [_fits(image, split, whole, ending) for image in of_split]
        for split, of_split in images.items()
    }
    best: dict[tuple[str, ...], tuple[int, bool]] = {}
    for of_image in (of_image for of_split in fits.values() for of_image in of_split):
        for key, fit in of_image.items():
            best[key] = max(best.get(key, (0, False)), fit[:2])
    rows: dict[str, list[Row | None]] = {}
    problems = []
    for split, of_split in images.items():
        rows[split], taken = [], {}
        for image, of_image in zip(of_split, fits[split], strict=True):
            keys = _best({key: fit for key, fit in of_image.items() if fit[:2] == best[key]})
            path = "/".join(image.parts)
            patients = sorted({table[key].patient for key in keys})
            if len(patients) > 1:
                problems.append(
                    f"`patients`: {path} may be of {' or '.join(patients)}, as rows of "
                    f"{' and '.join(sorted({key[1] for key in keys}))} fit it alike; "
                    "give each file's path below its class"
                )
            rows[split].append(table[keys[0]] if keys else None)
            for key in keys:
                taken.setdefault(key, []).append(path)
        problems += [
            f"`patients`: the row of {key[1]} fits {len(paths)} images of {split}, such as "
            f"{paths[0]} and {paths[1]}; give its path below its class"
            for key, paths in taken.items()
            if len(paths) > 1
        ]
    if problems:
        more = [f"`patients`: and {len(problems) - TOLD} more of the kind"]
        raise InputError([*problems[:TOLD], *more * (len(problems) > TOLD)])
    return rows


def joined_row(row: Row | None, tags: Row | None) -> Row | None:
    """What is known of an image, and what its tags add."""
    if row is None or tags is None:
        return row or tags
    return Row(row.patient or tags.patient, {**tags.further, **row.further})


def _best(fits: _Fits) -> list[tuple[str, ...]]:
    highest = max(fits.values(), default=None)
    return [key for key, fit in fits.items() if fit == highest]


_Index = Mapping[Parts, Sequence[tuple[str, ...]]]


def _indexed(table: Table) -> tuple[_Index, _Index]:
    """The keys of rows by all of their file's names, and by the last of them."""
    whole: dict[Parts, list[tuple[str, ...]]] = {}
    ending: dict[Parts, list[tuple[str, ...]]] = {}
    for key in table:
        parts = parts_of(key[1])
        whole.setdefault(parts, []).append(key)
        for length in range(1, len(parts)):
            ending.setdefault(parts[-length:], []).append(key)
    return whole, ending


def _fits(image: Named, split: str, whole: _Index, ending: _Index) -> _Fits:
    """The rows that may be of an image, each as far as it fits."""
    fits: _Fits = {}
    for length in range(1, len(image.parts) + 1):
        tail = image.parts[-length:]
        for key in _of(whole.get(tail, ()), image.classes, split):
            fits[key] = _Fit(length, False, True, len(key) > 2)
        if length < image.below:  # a row with other folders is of another image
            continue
        for key in _of(ending.get(tail, ()), image.classes, split):
            further = parts_of(key[1])[:-length]
            aligned = further[-(len(image.parts) - length) :][:1]
            if length > image.below and {*map(split_named, aligned)} - {split, None}:
                fits.pop(key, None)
                continue
            of_split = any(split_named(part) == split for part in further)
            fits[key] = _Fit(length, of_split, False, len(key) > 2)
    return fits


def _of(
    keys: Sequence[tuple[str, ...]], classes: Container[str], split: str
) -> Iterator[tuple[str, ...]]:
    """Those of the keys that may be of these classes and of this split."""
    for key in keys:
        if key[2:] in ((), (split,)) and unicodedata.normalize("NFC", key[0]) in classes:
            yield key
