"""Paths of images as a column of their table: some sets say in names what no column says."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from jaxcovid.config import TableSettings
from jaxcovid.data.table_columns import chosen_columns
from jaxcovid.data.table_file import TableFile
from jaxcovid.data.table_images import Match, files_of_rows

# What the column is called, in `columns` and `select_rows`.
PATH = "path"


class Pathed(NamedTuple):
    """A table with a row for each image, and the settings that speak of its column of paths."""

    table: TableFile
    columns: tuple[str, ...]
    match: Match


def with_paths(table: TableFile, settings: TableSettings, files: Sequence[str]) -> Pathed | None:
    """The table with the path of each image in a column; None if no setting asks for that.

    Rows without an image keep what they name it. Raises InputError.
    """
    by_path = [text for text in settings.columns if _names_path(text)]
    selects = re.search(rf"\b{PATH}\b", settings.select_rows or "") is not None
    if PATH in table.columns or not table.columns or not (by_path or selects):
        return None
    others = tuple(text for text in settings.columns if text not in by_path)
    names = chosen_columns(table, others, ["file"]).of("file", table.rows)
    match = files_of_rows(names, files)
    width, rows, lines = len(table.columns), [], []
    for row, line, name, found in zip(table.rows, table.lines, names, match.files, strict=True):
        cells = [*row, *[""] * (width - len(row))]
        for path in found or (name,):
            rows.append([*cells, path])
            lines.append(line)
    of_others = (text for text in others if not text.startswith("file="))
    return Pathed(
        table._replace(columns=(*table.columns, PATH), rows=tuple(rows), lines=tuple(lines)),
        (*of_others, *by_path, f"file={PATH}"),
        match,
    )


def _names_path(specification: str) -> bool:
    """Whether role=column:pattern means the column of paths."""
    role, _, name = specification.partition("=")
    return role != "file" and name.partition(":")[0] == PATH
