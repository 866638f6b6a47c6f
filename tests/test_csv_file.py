"""No cell is a formula to a spreadsheet, and what was written is read back."""

import csv
import io

import pytest

from jaxcovid.csv_file import read_rows, write_rows

# What is written for a cell, without the quotes of CSV.
CELLS = {
    "a formula": ("=1+1", "'=1+1"),
    "of a sum": ("+1+cmd|'/C calc'!A0", "'+1+cmd|'/C calc'!A0"),
    "of a difference": ("-2+3+cmd|x", "'-2+3+cmd|x"),
    "a name": ("@SUM(A1)", "'@SUM(A1)"),
    "a tab": ("\t=1", "'\t=1"),
    "a return": ("\r=1", "'\r=1"),
    "a line": ("\n=1", "'\n=1"),
    "wide": ("\uff1d1", "'\uff1d1"),
    "a quoted formula": ("'=1", "''=1"),
    "twice quoted": ("''@x", "'''@x"),
    "only quoted": ("'a", "'a"),
    "quoted number": ("'5", "'5"),
    "a file's name": ("-scan.png", "'-scan.png"),
    "a number below 0": ("-0.5", "-0.5"),
    "a small number": ("-1.5e-07", "-1.5e-07"),
    "signed": ("+3", "+3"),
    "no number": ("-1e", "'-1e"),
    "only a sign": ("-", "'-"),
    "return within": ("two\rlines", "two\rlines"),
    "lines within": ("two\r\nlines\n", "two\r\nlines\n"),
    "comma and quote": ('a, "b"', 'a, "b"'),
    "later sign": ("a=1", "a=1"),
    "nothing": ("", ""),
    "other letters": ("é—", "é—"),
}


@pytest.mark.parametrize("case", CELLS)
def test_cells_are_no_formulas_and_come_back(case, tmp_path):
    cell, written = CELLS[case]
    stream = io.BytesIO()
    write_rows(stream, [cell, "n"], [[cell, -1.5]])
    content = stream.getvalue()
    # As a program reads it that knows nothing of this.
    (head, row) = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
    assert head == [written, "n"] and row == [written, "-1.5"]
    (tmp_path / "x.csv").write_bytes(content)
    assert read_rows(tmp_path / "x.csv") == [{cell: cell, "n": "-1.5"}]


def test_lines_end_as_unix_has_them():
    stream = io.BytesIO()
    write_rows(stream, ["a", "b"], [["1\r", 2]])
    assert stream.getvalue() == b'a,b\n"1\r",2\n'


DAMAGED = {
    "a cell too many": (b"a,b\n1,2\n1,2,3\n", "row 2: 3 cells, but 2 columns"),
    "a cell too few": (b"a,b\n1\n", "row 1: 1 cells, but 2 columns"),
    "an open quote": (b'a,b\n"1,2\n', "line 2: unexpected end of data"),
    "two columns of one name": (b"a,a\n1,2\n", "two columns"),
    "no text": (b"a,b\n\xff,1\n", "not UTF-8"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_files_are_told(case, tmp_path):
    content, message = DAMAGED[case]
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_rows(tmp_path / "x.csv")
