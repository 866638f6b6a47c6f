"""Tables as text and as spreadsheets, with whichever separator, encoding and header."""

import pytest

from jaxcovid.data.table_file import is_table, read_table
from jaxcovid.errors import InputError

ROWS = (["a.png", "covid"], ["b.png", "normal"])

FILES = {  # name, content, whether it has a header, notes
    "commas": ("t.csv", b"file,class\na.png,covid\nb.png,normal\n", True, ()),
    "a byte order mark": ("t.csv", b"\xef\xbb\xbffile,class\r\na.png,covid\r\n\r\nb.png,normal", True, ()),
    "semicolons": ("t.csv", b"file;class\na.png;covid\nb.png;normal\n", True, ("semicolons between cells",)),
    "tabs": ("t.tsv", b"file\tclass\na.png\tcovid\nb.png\tnormal\n", True, ("tabs between cells",)),
    "spaces, no header": ("t.txt", b"a.png covid\nb.png normal\n", False, ("spaces between cells",)),
    "UTF-16": ("t.csv", "file,class\na.png,covid\nb.png,normal\n".encode("utf-16"), True, ("UTF-16",)),
}  # fmt: skip


def write(folder, name, content):
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize("case", FILES)
def test_what_is_read(case, tmp_path):
    name, content, has_header, notes = FILES[case]
    table = read_table(write(tmp_path, name, content), has_header)
    assert table.columns == (("file", "class") if has_header else ())
    assert (tuple(map(list, table.rows)), table.notes) == (ROWS, notes)


def test_another_encoding_is_told(tmp_path):
    table = read_table(write(tmp_path, "t.csv", b"file,note\na.png,37\xb0\n"), True)
    assert table.rows[0][1] == "37°" and table.notes == ("not UTF-8, so read as Windows-1252",)


def test_lines_count_as_in_the_file(tmp_path):
    table = read_table(write(tmp_path, "t.csv", b'file,note\n\na.png,"two\nlines"\nb.png,\n'), True)
    assert table.lines == (4, 5)


def test_lists_in_quotes_hold_separators(tmp_path):
    table = read_table(write(tmp_path, "t.tsv", b"id\tlabels\n1\t\"['a'\t 'b']\"\n"), True)
    assert table.rows[0][1] == "['a'\t 'b']"


def test_a_spreadsheet(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["file", "class", "age"], ["a.png", "covid", 61], [None, None, None], ["b.png", "normal", None]):  # fmt: skip
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    table = read_table(tmp_path / "t.xlsx", True)
    assert table.rows == (["a.png", "covid", "61"], ["b.png", "normal", ""])
    assert table.lines == (2, 4)


BAD = {  # name, content or None for no file, what is said
    "nothing": ("t.csv", None, "cannot be read (No such file"),
    "empty": ("t.csv", b"", "holds no row"),
    "a header alone": ("t.csv", b"file,class\n", "holds no row"),
    "too many cells": ("t.csv", b"file,class\na,b,c\nd,e\nf,g,h\n", "line 2: 3 cells, but the header names 2"),
    "a column twice": ("t.csv", b"file,class,class\na,b,c\n", "several columns 'class'"),
    "an open quote": ("t.csv", b'file,class\n"a,b\n', "is no table"),
    "no spreadsheet": ("t.xlsx", b"PK\x03\x04", "is no spreadsheet"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_refused(case, tmp_path):
    name, content, expected = BAD[case]
    if content is not None:
        write(tmp_path, name, content)
    with pytest.raises(InputError) as error:
        read_table(tmp_path / name, True)
    assert expected in str(error.value)


def test_empty_cells_beyond_the_header_are_no_harm(tmp_path):
    table = read_table(write(tmp_path, "t.csv", b"file,class\na.png,covid,,\n"), True)
    assert len(table.rows) == 1


def test_a_folder_is_no_table(tmp_path):
    (tmp_path / "xrays.csv").mkdir()
    assert not is_table(str(tmp_path / "xrays.csv"))
    assert is_table("x/Labels.CSV") and not is_table("x/labels.json")
