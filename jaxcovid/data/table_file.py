"""Tables as people have them: separators, encodings, headers or none, spreadsheets."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jaxcovid.errors import InputError, first_line
from jaxcovid.regular_file import read_bytes

SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx")

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}

# So many lines tell the separator, and so many problems of lines are told one by one.
_SAMPLE, _TOLD = 50, 5

# All that pandas and spreadsheets write for nothing.
BLANK = frozenset(("", "nan", "na", "n/a", "null", "none", "<na>", "#n/a"))


class TableFile(NamedTuple):
    """The cells of a table as text, by line.

    `columns` are its header, empty for a table without. `lines` are the numbers of the rows' lines
    in the file. `notes` say how it was read.
    """

    columns: tuple[str, ...]
    rows: tuple[Sequence[str], ...]
    lines: tuple[int, ...]
    notes: tuple[str, ...]


def is_table(data: str) -> bool:
    """Whether that setting of `data` means a table: by its suffix."""
    return Path(data).suffix.lower() in SUFFIXES and not Path(data).is_dir()


def read_table(path: Path, has_header: bool) -> TableFile:
    """The table in a file. Raises InputError if it is none, or if lines have too many cells.

    Without a header lines may differ in length: cells are then counted from either end.
    """
    try:
        if path.suffix.lower() == ".xlsx":
            return _table(_spreadsheet(path), path, has_header, ())
        content = read_bytes(path)
    except OSError as error:
        raise InputError([f"`data`: {path} cannot be read ({error.strerror})"]) from None
    except ValueError as error:
        raise InputError([f"`data`: {path} cannot be read ({first_line(error)})"]) from None
    text, notes = _decoded(content)
    separator = "\t" if path.suffix.lower() == ".tsv" else _separator(text)
    if separator != ",":
        notes = (*notes, f"{SEPARATORS[separator]} between cells")
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise InputError([f"`data`: {path} is no table ({first_line(error)})"]) from None
    return _table(rows, path, has_header, notes)


def _table(
    rows: list[tuple[int, list[str]]], path: Path, has_header: bool, notes: tuple[str, ...]
) -> TableFile:
    cells = [(line, row) for line, row in rows if any(map(str.strip, row))]
    columns: tuple[str, ...] = ()
    if has_header and cells:
        columns, cells = tuple(map(str.strip, cells[0][1])), cells[1:]
        _check_header(columns, path)
    if not cells:
        raise InputError([f"`data`: {path} holds no row"])
    if columns:
        wide = [
            (line, len(row))
            for line, row in cells
            if len(row) > len(columns) and any(map(str.strip, row[len(columns) :]))
        ]
        if wide:
            raise InputError(
                [
                    f"`data`: {path}, line {line}: {count} cells, but the header names "
                    f"{len(columns)}; quote what holds a separator"
                    for line, count in wide[:_TOLD]
                ]
                + [f"`data`: {path}: and {len(wide) - _TOLD} more lines"] * (len(wide) > _TOLD)
            )
    return TableFile(
        columns, tuple(row for _, row in cells), tuple(line for line, _ in cells), notes
    )


def _check_header(columns: tuple[str, ...], path: Path) -> None:
    twice = sorted(name for name, count in Counter(columns).items() if count > 1 and name)
    if twice:
        listed = ", ".join(map(repr, twice))
        raise InputError([f"`data`: {path} has several columns {listed}; rename all but one"])


def _decoded(content: bytes) -> tuple[str, tuple[str, ...]]:
    for mark, name in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return content.decode(name, "replace"), ("UTF-16",)
    try:
        return content.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace"), ("not UTF-8, so read as Windows-1252",)


def _separator(text: str) -> str:
    """What stands between the cells: with it most lines are of one length, and that is largest."""
    sample = "\n".join(text.splitlines()[:_SAMPLE])

    def fit(separator: str) -> tuple[float, int]:
        try:
            lengths = Counter(map(len, csv.reader(io.StringIO(sample), delimiter=separator)))
        except csv.Error:
            return 0, 0
        (length, count), *_ = lengths.most_common(1) or [(0, 0)]
        return (0.0 if length < 2 else round(count / max(sum(lengths.values()), 1), 1), length)

    return max(SEPARATORS, key=fit)


def _spreadsheet(path: Path) -> list[tuple[int, list[str]]]:
    try:
        import openpyxl
    except ImportError:
        raise InputError(
            [f"`data`: {path} is a spreadsheet; pip install 'jaxcovid[tables]', or save it as CSV"]
        ) from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        rows = book.worksheets[0].iter_rows(values_only=True)
        return [
            (line, ["" if cell is None else str(cell) for cell in row])
            for line, row in enumerate(rows, 1)
        ]
    except Exception as error:  # openpyxl raises what it likes at damaged files
        raise InputError([f"`data`: {path} is no spreadsheet ({first_line(error)})"]) from None
