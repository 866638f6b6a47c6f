"""Which column of a table says what: as the user names them, else by usual names."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from jaxcovid.csv_file import unguarded
from jaxcovid.data.split_folders import split_named
from jaxcovid.data.table_file import BLANK, TableFile
from jaxcovid.errors import InputError, check

# What is asked of a table, and what such columns are usually called, best first. Names compare
# without case, blanks and signs.
USUAL = {
    "file": (
        "file", "path", "filename", "filepath", "image", "imagepath", "imagefile", "imageindex",
        "imagename", "imageid", "img", "dicompath", "studypath",
    ),
    "label": (
        "class", "label", "finding", "findinglabels", "target", "labels", "findings", "diagnosis",
        "category",
    ),
    "patient": ("patient", "patientid", "subject", "subjectid", "participant", "participantid"),
    "split": ("split", "fold", "partition", "subset", "set"),
    "source": ("source", "site", "hospital", "institution", "location", "dataset"),
    "view": ("view", "viewposition", "projection", "appa"),
    "sex": ("sex", "gender", "patientsex", "patientgender"),
    "age": ("age", "patientage"),
    "manufacturer": ("manufacturer", "manufacturername"),
    "year": ("year", "studyyear"),
    "mask": ("mask", "maskpath"),
}  # fmt: skip


class Column(NamedTuple):
    """A column by its place, and the part of its cells that counts, as a regular expression."""

    place: int
    name: str
    part: re.Pattern[str] | None = None

    def of(self, rows: Iterable[Sequence[str]]) -> list[str]:
        """The cell of each row, or its part; "" where there is neither."""
        cells = [row[self.place] if -len(row) <= self.place < len(row) else "" for row in rows]
        meant = {cell: self._meant(cell) for cell in set(cells)}
        return [meant[cell] for cell in cells]

    def _meant(self, cell: str) -> str:
        cell = unguarded(cell.strip())
        if cell.lower() in BLANK:
            return ""
        if self.part is None:
            return cell
        match = self.part.search(cell)
        return (match[1] if self.part.groups else match[0]) or "" if match else ""


class Columns(NamedTuple):
    """The columns by what they say; several only for "label". `notes` tell what was chosen."""

    by_role: Mapping[str, tuple[Column, ...]]
    notes: tuple[str, ...]

    def of(self, role: str, rows: Sequence[Sequence[str]]) -> list[str]:
        """What each row says of that; "" if there is no such column."""
        columns = self.by_role.get(role)
        return columns[0].of(rows) if columns else [""] * len(rows)


def needs_header(specifications: Sequence[str]) -> bool:
    """Whether columns are named rather than counted."""
    return not any(
        re.fullmatch(r"-?\d+", name)
        for text in specifications
        for name in text.partition("=")[2].partition(":")[0].split(",")
    )


def chosen_columns(
    table: TableFile, specifications: Sequence[str], needed: Sequence[str] = ("file", "label")
) -> Columns:
    """The columns that `specifications` name, each as role=column, and usual ones for the rest.

    A column may be counted, from 0, or from -1 at the end, in a table without a header.
    `column:pattern` takes the part of each cell that a regular expression finds. Several columns of
    label, with commas between them, are 0/1 columns. Raises InputError, also if one is missing that
    is `needed`.
    """
    by_role: dict[str, tuple[Column, ...]] = {}
    problems: list[str] = []
    for text in specifications:
        role, sign, names = text.partition("=")
        if role not in USUAL or not sign:
            problems.append(f"`columns`: {text!r}; write ROLE=COLUMN with {', '.join(USUAL)}")
            continue
        if role in by_role:
            problems.append(f"`columns`: {role} is given twice")
        by_role[role] = tuple(_columns(table, role, names, problems))
    check(problems)
    given, notes = set(by_role), []
    for role, usual in USUAL.items():
        place = _usual(table.columns, usual) if role not in given else None
        if place is None or (role == "split" and not _holds_splits(table, place)):
            continue
        by_role[role] = (Column(place, table.columns[place]),)
        notes.append(f"{role} from column {table.columns[place]!r}")
    missing = [role for role in needed if role not in by_role]
    if missing:
        listed = ", ".join(map(repr, filter(None, table.columns))) or "counted from 0: no header"
        raise InputError(
            [
                f"`columns`: no column says the {role} of each image; give {role}=COLUMN of these: "
                f"{listed}"
                for role in missing
            ]
        )
    return Columns(by_role, (", ".join(notes),) if notes else ())


def _columns(table: TableFile, role: str, names: str, problems: list[str]) -> Iterator[Column]:
    names, sign, pattern = names.partition(":") if names not in table.columns else (names, "", "")
    part = None
    if sign:
        try:
            part = re.compile(pattern)
        except re.error as error:
            problems.append(f"`columns`: {pattern!r} of {role} is no regular expression ({error})")
    for name in [names] if names in table.columns or role != "label" else names.split(","):
        if re.fullmatch(r"-?\d+", name) and not table.columns:
            yield Column(int(name), f"column {name}", part)
        elif name in table.columns:
            yield Column(table.columns.index(name), name, part)
        else:
            close = difflib.get_close_matches(name, table.columns, n=2, cutoff=0.5)
            hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
            listed = ", ".join(map(repr, filter(None, table.columns))) or "none: there is no header"
            problems.append(f"`columns`: no column {name!r} for {role}; there are {listed}{hint}")


def _usual(columns: Sequence[str], usual: Sequence[str]) -> int | None:
    plain = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in columns]
    return next((plain.index(name) for name in usual if name in plain), None)


def _holds_splits(table: TableFile, place: int) -> bool:
    """Whether all that a column says are names of splits: a column "set" may mean another thing."""
    said = {*Column(place, "").of(table.rows)} - {""}
    return bool(said) and all(split_named(name) for name in said)
