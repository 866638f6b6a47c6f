"""Comma-separated values that neither a spreadsheet nor a name can turn into something else."""

import contextlib
import csv
import io
import re
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TextIO

from jaxcovid.regular_file import MOST, read_text

# How text begins that a spreadsheet takes for a formula (OWASP, "CSV injection"). Quotes before
# that count, so that exactly what `guarded` has put before it goes again.
_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")  # noqa: RUF001


def write_rows(
    stream: BinaryIO | io.BufferedIOBase, header: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Writes a header and rows in UTF-8, cells as `guarded` has them. Raises OSError."""
    buffer: Any = stream
    text = io.TextIOWrapper(buffer, "utf-8", newline="", write_through=True)
    writer = csv.writer(_Lines(text), lineterminator="\r\n")
    try:
        for row in chain([header], rows):
            writer.writerow(map(guarded, row))
        text.flush()
    finally:
        with contextlib.suppress(OSError):
            text.detach()


def read_rows(path: Path, most: int = MOST) -> list[dict[str, str]]:
    """The rows of a file that `write_rows` wrote, by column.

    Raises OSError, and ValueError with one line that says what is wrong.
    """
    lines = csv.reader(io.StringIO(read_text(path, most), newline=""), strict=True)
    try:
        header, *rows = [[unguarded(cell) for cell in row] for row in lines if row] or [[]]
    except csv.Error as error:
        raise ValueError(f"line {lines.line_num}: {error}") from None
    if len({*header}) < len(header):
        raise ValueError("two columns have one name")
    for number, row in enumerate(rows, 1):
        if len(row) != len(header):
            raise ValueError(f"row {number}: {len(row)} cells, but {len(header)} columns")
    return [dict(zip(header, row, strict=True)) for row in rows]


class _Lines(NamedTuple):
    r"""Takes lines that end in \r\n, with which csv quotes cells with either; writes \n."""

    text: TextIO

    def write(self, line: str) -> int:
        """Writes a line."""
        return self.text.write(line.removesuffix("\r\n") + "\n")


def guarded(cell: Any) -> Any:
    """The cell; text that a spreadsheet would take for a formula has a quote before it.

    >>> guarded("=1+1"), guarded("-0.5"), guarded(-0.5)
    ("'=1+1", '-0.5', -0.5)
    """
    if not isinstance(cell, str) or _FORMULA.match(cell) is None or _is_number(cell):
        return cell
    return f"'{cell}"


def unguarded(cell: Any) -> Any:
    """Undoes `guarded`; what is no text stays."""
    return cell[1:] if isinstance(cell, str) and cell[:1] == "'" and _FORMULA.match(cell) else cell


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII) is not None
