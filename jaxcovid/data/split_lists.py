"""Lists of file names beside a table that say which split each is of, as NIH ChestX-ray14 has."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from jaxcovid.data.patient_rows import parts_of
from jaxcovid.data.split_folders import split_named
from jaxcovid.errors import InputError, check
from jaxcovid.regular_file import read_text

_NAME = re.compile(
    r"(train|training|val|valid|validation|test|testing)([_-]val)?[_-]list\.txt", re.I
)


class Listing(NamedTuple):
    """The split of each row, "" for one in no list, and sentences on what was read."""

    splits: list[str]
    notes: tuple[str, ...]


def lists_beside(table: Path) -> dict[str, Path]:
    """The lists in a table's folder, by split; train_val_list.txt is of training. May be none.

    Raises InputError if two are of one split.
    """
    lists: dict[str, Path] = {}
    for path in sorted(table.parent.iterdir()):
        if path == table or (named := _NAME.fullmatch(path.name)) is None or not path.is_file():
            continue
        split = split_named(named[1])
        assert split is not None
        if split in lists:
            raise InputError(
                [f"`data`: {lists[split].name} and {path.name} both list {split} files; move one"]
            )
        lists[split] = path
    return lists


def splits_by_lists(names: Sequence[str], lists: Mapping[str, Path]) -> Listing:
    """The split of each file by the lists that name it. Raises InputError if two do."""
    split_of: dict[str, str] = {}
    problems = []
    for split, path in lists.items():
        for line in _lines(path):
            name = parts_of(line)[-1]
            if split_of.setdefault(name, split) != split:
                problems.append(
                    f"`data`: {name} is in {lists[split_of[name]].name} and {path.name}"
                )
    check([*problems[:5], *[f"`data`: and {len(problems) - 5} more"] * (len(problems) > 5)])
    splits = [split_of.get(parts_of(name)[-1] if name else "", "") for name in names]
    read = ", ".join(f"{path.name} ({split})" for split, path in lists.items())
    unlisted = [name for name, split in zip(names, splits, strict=True) if not split]
    notes = [f"splits by {read}"]
    if unlisted:
        notes.append(f"{len(unlisted)} row(s) in no list, left out (such as {unlisted[0]})")
    return Listing(splits, tuple(notes))


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in read_text(path).splitlines() if line.strip(" \t\r/\\")]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError([f"`data`: {path} cannot be read ({reason})"]) from None
