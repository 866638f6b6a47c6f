"""What the cells of a table's label columns make of each row: a class, or none."""

import ast
import fnmatch
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jaxcovid.data.table_columns import Column
from jaxcovid.errors import InputError, check

# More values than this in a column without a choice of them are no classes.
MOST_CLASSES = 30

_LISTED = 12


class Labelled(NamedTuple):
    """The class of each row, "" for those left out, and sentences on which these are.

    `absent` are classes that stand for 0 in a column of 0 and 1. With `findings` classes are
    combinations of these.
    """

    classes: tuple[str, ...]
    notes: tuple[str, ...]
    absent: frozenset[str] = frozenset()
    findings: tuple[str, ...] = ()


def chosen_labels(specifications: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Globs by the class that they stand for, of CLASS=GLOB; one class may stand there often."""
    globs: dict[str, tuple[str, ...]] = {}
    problems = []
    for text in specifications:
        name, sign, glob = text.partition("=")
        if not (name.strip() and sign):
            problems.append(f"`labels`: {text!r}; write CLASS=GLOB, such as covid-19='COVID-19*'")
        globs[name.strip()] = (*globs.get(name.strip(), ()), glob)
    check(problems)
    return globs


def labels_of_rows(
    rows: Sequence[Sequence[str]], columns: Sequence[Column], globs: Mapping[str, Sequence[str]]
) -> Labelled:
    """The class of each row. Raises InputError.

    Of one column the values are the classes, or with `globs` the first class that a value fits;
    several values in a cell (with | between them, or a list as text) each count, and an empty glob
    fits an empty cell. A column of 0 and 1 makes two classes, its name and "no" before that. Of
    several columns of 0 and 1 the one that is 1 is the class.
    """
    if len(columns) > 1:
        return _of_columns(rows, columns, globs)
    (column,) = columns
    cells = column.of(rows)
    if not globs and is_binary(cells):
        names = {True: column.name, False: f"no {column.name}"}
        found = [[] if (value := binary(cell)) is None else [names[value]] for cell in cells]
        labelled = _single(found, cells, "uncertain or blank")
        return labelled._replace(absent=frozenset((names[False],)))
    values = [values_of(cell) or [""] for cell in cells]
    if not globs:
        values = [[value for value in of_row if value] for of_row in values]
        check_classes(values, column)
        return _single(values, cells, "no value")
    unused = unused_globs(globs, values)
    if unused:
        known = ", ".join(map(repr, list(Counter(v for of in values for v in of))[:_LISTED]))
        raise InputError(
            [f"`labels`: {glob!r} of {name} fits no value of {column.name!r}; there are {known}"
             for name, glob in unused]
        )  # fmt: skip
    of_value = {value: _class_of(value, globs) for of_row in values for value in of_row}
    found = [[name for value in of_row if (name := of_value[value])] for of_row in values]
    labelled = _single(found, cells, "a value that `labels` does not name")
    zeros = zip(labelled.classes, cells, strict=True) if is_binary(cells) else ()
    return labelled._replace(
        absent=frozenset(name for name, cell in zeros if binary(cell) is False) - {""}
    )


def _of_columns(
    rows: Sequence[Sequence[str]], columns: Sequence[Column], globs: Mapping[str, Sequence[str]]
) -> Labelled:
    names = [column.name for column in columns]
    if globs:
        renamed = {
            column: [name for name, of_class in globs.items() if fits(column, of_class)]
            for column in names
        }
    else:
        renamed = {name: [name] for name in names}
    cells = {column.name: column.of(rows) for column in columns}
    said = {cell for of_column in cells.values() for cell in of_column}
    unknown = sorted(cell for cell in said if not is_binary([cell]))
    if unknown:
        raise InputError(
            [f"`columns`: columns of label must hold 0, 1, -1 or nothing, not {unknown[0]!r}"]
        )
    found = [
        list(
            dict.fromkeys(
                name
                for column in columns
                if binary(cells[column.name][place])
                for name in renamed[column.name]
            )
        )
        for place in range(len(rows))
    ]
    return _single(found, ["0"] * len(rows), "1 in none of the columns")


def _single(found: Sequence[Sequence[str]], cells: Sequence[str], reason: str) -> Labelled:
    """The class of rows of which one was found; others are left out, and told."""
    classes = tuple(of_row[0] if len(set(of_row)) == 1 else "" for of_row in found)
    notes = []
    none = [cell for cell, of_row in zip(cells, found, strict=True) if not of_row]
    if none:
        said = Counter(none).most_common(3)
        examples = ", ".join(f"{cell!r} {count}" for cell, count in said)
        notes.append(f"{len(none)} row(s) left out: {reason} ({examples})")
    several = [sorted(set(of_row)) for of_row in found if len(set(of_row)) > 1]
    if several:
        common = Counter(map(tuple, several)).most_common(1)[0][0]
        notes.append(
            f"{len(several)} row(s) left out: of several classes, such as {' and '.join(common)} "
            "(with the loss bce or focal each is a finding of its own)"
        )
    return Labelled(classes, tuple(notes))


def values_of(cell: str) -> list[str]:
    """The values in a cell: those between bars, or of a list as text."""
    if cell.startswith("[") and cell.endswith("]"):
        # Lists are also written with blanks or tabs alone between their strings, which Python
        # would join.
        quoted = re.findall(r"'([^']*)'|\"([^\"]*)\"", cell)
        if quoted:
            return [single or double for single, double in quoted]
        try:
            return [str(value) for value in ast.literal_eval(cell)]
        except (ValueError, SyntaxError):
            return [cell]
    return [part for part in map(str.strip, cell.split("|")) if part]


def check_classes(values: Sequence[Sequence[str]], column: Column) -> None:
    """Raises InputError if there are so many values that most are hardly classes."""
    counts = Counter(value for of_row in values for value in of_row)
    if len(counts) > MOST_CLASSES:
        examples = ", ".join(map(repr, list(counts)[:5]))
        raise InputError(
            [
                f"`labels`: column {column.name!r} holds {len(counts)} values, such as {examples}; "
                "choose classes from them, such as covid-19='COVID-19*' normal='No Finding', or "
                "another column (`columns`)"
            ]
        )


def unused_globs(
    globs: Mapping[str, Sequence[str]], values: Sequence[Sequence[str]]
) -> list[tuple[str, str]]:
    """Classes and those of their globs that no value fits."""
    said = {value for of_row in values for value in of_row} | {""}
    return [
        (name, glob)
        for name, of_class in globs.items()
        for glob in of_class
        if not any(fits(value, [glob]) for value in said)
    ]


def _class_of(value: str, globs: Mapping[str, Sequence[str]]) -> str:
    """The first class that a value fits, "" if none; of an empty one only by an empty glob."""
    for name, of_class in globs.items():
        if fits(value, of_class) if value else "" in of_class:
            return name
    return ""


def fits(value: str, globs: Sequence[str]) -> bool:
    """Whether one of the globs fits the value."""
    return any(fnmatch.fnmatchcase(value, glob) for glob in globs)


def is_binary(cells: Sequence[str]) -> bool:
    """Whether all cells that are not empty hold 0, 1 or -1."""
    said = {cell for cell in cells if cell}
    return all(re.fullmatch(r"-?[01](\.0*)?", cell) for cell in said)


def binary(cell: str) -> bool | None:
    """Whether a finding is there; None for uncertain (-1) and nothing."""
    return None if not cell or cell.startswith("-") else cell.startswith("1")
