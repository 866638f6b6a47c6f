"""Columns by usual names, by name, by number, and parts of their cells."""

import pytest

from jaxcovid.data.table_columns import chosen_columns, needs_header
from jaxcovid.data.table_file import TableFile
from jaxcovid.errors import InputError


def table(*columns, rows=(("",) * 9,)):
    return TableFile(columns, rows, tuple(range(2, 2 + len(rows))), ())


USUAL = {  # header, and the column of each role
    "ours": (("file", "class", "patient"), {"file": 0, "label": 1, "patient": 2}),
    "NIH": (("Image Index", "Finding Labels", "Patient ID", "View Position"), {"file": 0, "label": 1, "patient": 2, "view": 3}),
    "Cohen": (("patientid", "finding", "location", "filename"), {"file": 3, "label": 1, "patient": 0, "source": 2}),
    "the best of several": (("label", "class", "path", "filename"), {"file": 2, "label": 1}),
}  # fmt: skip


@pytest.mark.parametrize("case", USUAL)
def test_usual_names(case):
    header, expected = USUAL[case]
    columns = chosen_columns(table(*header), ())
    assert {role: of[0].place for role, of in columns.by_role.items()} == expected
    assert f"file from column {header[expected['file']]!r}" in columns.notes[0]


def test_a_column_set_that_names_no_splits_is_none():
    header, rows = ("file", "class", "set"), (("a", "b", "3"), ("c", "d", "train"))
    assert "split" not in chosen_columns(table(*header, rows=rows), ()).by_role
    rows = (("a", "b", "Val"), ("c", "d", "train"), ("e", "f", ""))
    columns = chosen_columns(table(*header, rows=rows), ())
    assert columns.of("split", rows) == ["Val", "train", ""]


def test_named_columns_come_before_usual_ones():
    header = ("file", "Path", "class", "Pneumonia")
    columns = chosen_columns(table(*header), ("file=Path", "label=Pneumonia"))
    assert columns.by_role["file"][0].place == 1 and columns.by_role["label"][0].place == 3
    assert columns.notes == ()


def test_columns_without_a_header_are_counted_from_either_end():
    rows = (["901", "a.png", "covid", "cohen"], ["COVID", "1", "b.png", "covid", "sirm"])
    given = ("patient=0", "file=-3", "label=-2", "source=-1")
    assert not needs_header(given) and needs_header(("file=path", "label=a,b"))
    columns = chosen_columns(TableFile((), tuple(rows), (1, 2), ()), given)
    assert columns.of("file", rows) == ["a.png", "b.png"]
    assert columns.of("source", rows) == ["cohen", "sirm"]
    assert columns.of("patient", [[]]) == [""] == columns.of("view", [[]])


PARTS = {  # pattern, cells, what counts of them
    "a group": (r"(COVID-\d+)[a-z]?", ("COVID-3a", "COVID-3b"), ["COVID-3", "COVID-3"]),
    "no group": (r"\d+", ("p12x", "none"), ["12", ""]),
}


@pytest.mark.parametrize("case", PARTS)
def test_a_part_of_each_cell(case):
    pattern, cells, expected = PARTS[case]
    rows = [(cell, "", "") for cell in cells]
    given = (f"patient=id:{pattern}",)
    columns = chosen_columns(table("id", "file", "class", rows=tuple(rows)), given)
    assert columns.of("patient", rows) == expected


def test_what_stands_for_nothing_is_nothing():
    rows = [(cell, "", "") for cell in (" NaN ", "N/A", "", "None", "'=1", "0")]
    columns = chosen_columns(table("id", "file", "class", rows=tuple(rows)), ("patient=id",))
    assert columns.of("patient", rows) == ["", "", "", "", "=1", "0"]


BAD = {  # header, given, what is said
    "no file": (("id", "class"), (), ["no column says the file of each image; give file=COLUMN of these: 'id', 'class'"]),
    "neither": (("id", "x"), (), ["no column says the file", "no column says the label"]),
    "an unknown column": (("file", "class"), ("label=clas",), ["no column 'clas' for label; there are 'file', 'class'; did you mean 'class'?"]),
    "an unknown role": (("file", "class"), ("hospital=class",), ["'hospital=class'; write ROLE=COLUMN with file, label,"]),
    "no sign": (("file", "class"), ("class",), ["'class'; write ROLE=COLUMN"]),
    "twice": (("file", "class"), ("file=file", "file=class"), ["file is given twice"]),
    "no expression": (("file", "class"), ("patient=file:(",), ["'(' of patient is no regular expression"]),
    "a number beside a header": (("file", "class"), ("file=0",), ["no column '0' for file"]),
    "several": (("file", "class"), ("label=x", "patient=y"), ["no column 'x'", "no column 'y'"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_refused(case):
    header, given, expected = BAD[case]
    with pytest.raises(InputError) as error:
        chosen_columns(table(*header), given)
    assert len(error.value.problems) == len(expected)
    for problem, part in zip(error.value.problems, expected, strict=True):
        assert problem.startswith("`columns`: ") and part in problem
