"""What label columns make of rows: classes, globs, lists, 0 and 1, and what is left out."""

import pytest

from jaxcovid.data.table_columns import Column
from jaxcovid.data.table_labels import chosen_labels, labels_of_rows
from jaxcovid.errors import InputError

NIH = ("Pneumonia", "Mass|Pneumonia", "No Finding", "Mass", "")
COVID = ("COVID-19", "COVID-19, ARDS", "No Finding", "SARS")
WANTED = ("covid-19=COVID-19*", "normal=No Finding", "other=*")

CASES = {  # cells, --labels, the classes, notes
    "values": (("covid", "normal"), (), ["covid", "normal"], []),
    "a blank": (("covid", "normal", ""), (), ["covid", "normal", ""], ["1 row(s) left out: no value ('' 1)"]),
    "globs": (NIH, ("pneumonia=Pneumonia", "normal=No Finding"), ["pneumonia", "pneumonia", "normal", "", ""], ["2 row(s) left out: a value that `labels` does not name ('Mass' 1, '' 1)"]),
    "the first that fits": (COVID, WANTED, ["covid-19", "covid-19", "normal", "other"], []),
    "of several classes": (("a|b", "a", "b"), ("x=a", "y=b"), ["", "x", "y"], ["1 row(s) left out: of several classes, such as x and y (with the loss bce or focal each is a finding of its own)"]),
    "one class by two values": (("a|b", "c", "d"), ("x=a", "x=b", "y=c"), ["x", "y", ""], ["1 row(s) left out: a value that `labels` does not name ('d' 1)"]),
    "lists as text": (("['a', 'b']", "['c'\t 'b']", "[]"), ("x=a", "y=c"), ["x", "y", ""], ["1 row(s) left out: a value that `labels` does not name ('[]' 1)"]),
    "0 and 1": (("1.0", "0.0", "-1.0", ""), (), ["Mass", "no Mass", "", ""], ["2 row(s) left out: uncertain or blank ('-1.0' 1, '' 1)"]),
    "blanks, named": (("1.0", "", "-1.0", "0.0"), ("ill=1*", "well=0*", "well="), ["ill", "well", "", "well"], ["1 row(s) left out: a value that `labels` does not name ('-1.0' 1)"]),
    "blanks are not anything": (("a", ""), ("x=a", "y=*"), ["x", ""], ["1 row(s) left out: a value that `labels` does not name ('' 1)"]),
    "0 and 1, named": (("1.0", "0.0", "-1.0", ""), ("ill=1*", "ill=-1*", "well=0*"), ["ill", "well", "ill", ""], ["1 row(s) left out: a value that `labels` does not name ('' 1)"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_classes_of_rows(case):
    cells, given, classes, notes = CASES[case]
    labelled = labels_of_rows([[cell] for cell in cells], [Column(0, "Mass")], chosen_labels(given))
    assert (list(labelled.classes), list(labelled.notes)) == (classes, notes)
    assert labelled.absent == {
        "0 and 1": {"no Mass"}, "0 and 1, named": {"well"}, "blanks, named": {"well"}
    }.get(case, set())  # fmt: skip


def test_several_columns_of_0_and_1():
    rows = [["1", "0"], ["0", "1.0"], ["1", "1"], ["0", ""], ["-1", "1"]]
    columns = [Column(0, "Mass"), Column(1, "Edema")]
    labelled = labels_of_rows(rows, columns, {})
    assert labelled.classes == ("Mass", "Edema", "", "", "Edema")
    assert labelled.notes == (
        "1 row(s) left out: 1 in none of the columns ('0' 1)",
        "1 row(s) left out: of several classes, such as Edema and Mass (with the loss bce or focal each is a finding of its own)",
    )
    joined = labels_of_rows(rows, columns, {"ill": ("Mass", "Ed*")})
    assert joined.classes == ("ill", "ill", "ill", "", "ill")


BAD = {  # cells of columns, --labels, what is said
    "no class": (["a"], ("=a",), "'=a'; write CLASS=GLOB"),
    "no glob": (["a"], ("x",), "'x'; write CLASS=GLOB"),
    "fits nothing": (["a", "b"], ("x=c*",), "'c*' of x fits no value of 'Mass'; there are 'a', 'b'"),
    "too many": ([str(number) for number in range(2, 90)], (), "column 'Mass' holds 88 values, such as '2', '3'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_refused(case):
    cells, given, expected = BAD[case]
    with pytest.raises(InputError) as error:
        labels_of_rows([[cell] for cell in cells], [Column(0, "Mass")], chosen_labels(given))
    assert expected in str(error.value)


def test_columns_of_other_than_0_and_1_are_refused():
    with pytest.raises(InputError, match="must hold 0, 1, -1 or nothing, not 'x'"):
        labels_of_rows([["1", "x"]], [Column(0, "a"), Column(1, "b")], {})
