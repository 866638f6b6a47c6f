"""Conditions on the columns of a table, and what they cannot do."""

import pytest

from jaxcovid.data.table_file import TableFile
from jaxcovid.data.table_selection import selected_rows
from jaxcovid.errors import InputError

COLUMNS = ("file", "View Position", "age", "note")
ROWS = (("0", "PA", "7", "x"), ("1", "AP", "61", ""), ("2", "LL", "5", "y"), ("3", "PA", "", "x y"))


def select(condition, columns=COLUMNS):
    return selected_rows(TableFile(columns, ROWS, (2, 3, 4, 5), ()), condition)


HOLDS = {
    '`View Position` in ("PA", "AP")': [0, 1, 3],
    '`View Position` == "PA" and age < 10': [0],
    "age > 6": [0, 1],
    "age.isna()": [3],
    "not age > 6": [2, 3],
    'note.str.startswith("x") | (age == 5)': [0, 2, 3],
    'note == ""': [1],
}


@pytest.mark.parametrize("condition", HOLDS)
def test_of_which_rows_it_holds(condition):
    assert select(condition) == HOLDS[condition]


def test_columns_of_a_table_without_header_go_by_number():
    assert select('`1` == "LL"', ()) == [2]
    assert select(None) == [0, 1, 2, 3]


BAD = {  # condition, what is said
    "no such column": ("view == 'PA'", "cannot be asked of columns file, View Position, age, note"),
    "no row": ("age == 99", "holds of no row"),
    "an open bracket": ("age in (", "cannot be asked of"),
    "nothing": ("", "cannot be asked of"),
    "no condition": ("age + 1", "`select_rows`"),
    "a method that writes": ("age.to_csv('stolen')", ".to_csv is none of .str, .startswith"),
    "a function": ("open('stolen', 'w')", "functions cannot be called"),
    "a variable of the program": ("@pandas.io", "cannot be asked of"),
    "a class behind it": ("age.__class__", ".__class__ is none of"),
    "a comprehension": ("[x for x in age]", "ListComp is no part of a condition"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_refused(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    condition, expected = BAD[case]
    with pytest.raises(InputError) as error:
        select(condition)
    assert expected in str(error.value) and str(error.value).startswith("`select_rows`: ")
    assert not list(tmp_path.iterdir())
