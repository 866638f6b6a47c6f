"""Several findings per image in a table: of values, of columns, by several readers."""

import numpy as np
import pytest

from jaxcovid.data.sources import load_dataset
from jaxcovid.data.table_columns import Column
from jaxcovid.data.table_findings import agreed_findings, findings_of_rows
from jaxcovid.data.table_labels import chosen_labels
from jaxcovid.errors import InputError
from tests.data.image_files import write_pictures

VALUES = {  # cells, --labels, wanted findings, those of the table, combinations
    "bars": (("b|a", "a", "No Finding"), (), (), ("a", "b"), ("a|b", "a", "no finding")),
    "lists": (("['b', 'a']", "['normal']"), (), (), ("a", "b"), ("a|b", "no finding")),
    "blank": (("b|a", "", "a"), (), (), ("a", "b"), ("a|b", "", "a")),
    "unknown": (("b|a?", "a"), (), (), ("a", "b"), ("b|a?", "a")),
    "globs": (("Mass|Edema", "Oedema", "Gout"), ("fluid=*[Ee]dema", "mass=Mass"), (), ("fluid", "mass"), ("fluid|mass", "fluid", "no finding")),
    "two values of a finding": (("x1|x2|y", "y"), ("x=x*", "y=y"), (), ("x", "y"), ("x|y", "y")),
    "nothing, named": (("a|b", "clear"), ("a=a", "b=b", "normal=clear"), (), ("a", "b"), ("a|b", "no finding")),
    "a finding and none": (("a|b", "No Finding|a"), (), (), ("a", "b"), ("a|b", "a")),
    "wanted": (("a", "c", "No Finding"), (), ("b", "a"), ("b", "a"), ("a", "no finding", "no finding")),
}  # fmt: skip

COLUMNS = {  # columns, rows, --labels, wanted findings, those of the table, combinations
    "0 and 1": ("ab", ("10", "11", "00"), (), (), "ab", ("a", "a|b", "no finding")),
    "unknown": ("ab", ("1-", "1 ", "  ", "01", "11"), (), (), "ab", ("a|b?", "a|b?", "", "b", "a|b")),
    "nothing found": (("No Finding", "a", "b"), ("1  ", " 1-", "110"), (), (), "ab", ("no finding", "a|b?", "a")),
    "joined": ("abc", ("100", "0 1", "000", "0-0"), ("x=[ab]", "y=c"), (), "xy", ("x", "y|x?", "no finding", "x?")),
    "wanted": ("ac", ("10", "01"), (), ("a", "b"), "ab", ("a|b?", "b?")),
    "one of those wanted": ("a", ("1", "0"), (), ("a", "b"), "ab", ("a|b?", "b?")),
}  # fmt: skip


def of_values(cells, given=(), wanted=()):
    rows = [[cell] for cell in cells]
    return findings_of_rows(rows, [Column(0, "finding")], chosen_labels(given), wanted)


def of_columns(names, rows, given=(), wanted=()):
    columns = [Column(place, name) for place, name in enumerate(names)]
    cells = [[{"-": "-1", " ": ""}.get(cell, cell) for cell in row] for row in rows]
    return findings_of_rows(cells, columns, chosen_labels(given), wanted)


@pytest.mark.parametrize("case", VALUES)
def test_of_one_column(case):
    cells, given, wanted, findings, combinations = VALUES[case]
    labelled = of_values(cells, given, wanted)
    assert labelled is not None
    assert (labelled.findings, labelled.classes) == (findings, combinations)


@pytest.mark.parametrize("case", COLUMNS)
def test_of_several_columns(case):
    names, rows, given, wanted, findings, combinations = COLUMNS[case]
    labelled = of_columns(names, rows, given, wanted)
    assert labelled is not None
    assert (labelled.findings, labelled.classes) == (tuple(findings), combinations)


def test_rows_of_one_class_each_are_no_findings():
    assert of_values(["a", "b", "No Finding"]) is None
    assert of_columns("ab", ["10", "01", "1 "]) is None


def test_what_is_counted_and_told():
    labelled = of_columns(("No Finding", "a", "b"), ["1  ", " 1-", "110", "   ", "001"])
    assert labelled is not None and labelled.notes == (
        "several findings per image, each an output of its own; rows with each: a 2, b 1 (1 unknown)",
        "1 row(s) left out: nothing is known of any finding",
        "1 row(s) name a finding and none at once: the finding counts",
    )
    wanted = of_values(["a|c", "a"], wanted=("a", "b"))
    assert wanted is not None and wanted.notes[-1] == "not among the findings, left out: c"


BAD = {
    "no number": (lambda: of_columns("ab", ["1x", "11"]), "0, 1, -1 or nothing, not 'x'"),
    "a glob that fits no column": (lambda: of_columns("ab", ["11"], ["x=c"]), "'c' fits no column of label; there are a, b"),
    "a glob that fits no value": (lambda: of_values(["a|b"], ["x=c"]), "'c' of x fits no value of 'finding'"),
    "one finding": (lambda: of_columns(("a", "none"), ["11", "00"]), "only the finding 'a'"),
    "a name that separates": (lambda: of_columns(("a|b", "c"), ["11"]), "'a|b' cannot be a finding's name"),
    "none that is wanted": (lambda: of_values(["a|b"], wanted=("x", "y")), "no finding of the network (x, y) is in finding; there are a, b"),
    "hundreds": (lambda: of_values(["|".join(f"v{number}" for number in range(40))]), "holds 40 values"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_refused(case):
    labels, expected = BAD[case]
    with pytest.raises(InputError) as error:
        labels()
    assert expected in str(error.value)


READERS = {  # rows of one image, what all say together by readers
    "any": (("a|b", "no finding", "b?"), "a|b"),
    "all": (("a|b", "b", "a?|b"), "b"),
    "majority": (("a|b", "b", "no finding"), "b"),
    "as many for as against": (("a", "no finding"), None),
}


@pytest.mark.parametrize("case", READERS)
def test_several_readers(case):
    combinations, expected = READERS[case]
    findings = ("a",) if expected is None else ("a", "b")
    readers = "majority" if expected is None else case
    assert agreed_findings(combinations, findings, readers) == expected


def test_a_table_of_findings_is_split_by_patient_and_its_split_is_a_table_again(tmp_path):
    names = [f"{number}.png" for number in range(48)]
    write_pictures(tmp_path / "images", *names)
    kinds = ["a|b", "a", "b|a?", "No Finding"]
    rows = [f"{name},{kinds[place // 2 % 4]},P{place // 2}" for place, name in enumerate(names)]
    table = tmp_path / "images" / "t.csv"
    table.write_text("\n".join(["file,label,patient", *rows]) + "\n")
    dataset = load_dataset(str(table), tmp_path / "cache", findings=())
    assert dataset.findings == ("a", "b")
    assert dataset.classes == ("a", "a|b", "b|a?", "no finding")
    patients = {member.patient: member.split for member in dataset.members}
    assert all(patients[member.patient] == member.split for member in dataset.members)
    assert {member.split for member in dataset.members} == {"train", "validation", "test"}
    lines = [f"{one.file},{one.label},{one.patient},{one.split}" for one in dataset.members]
    again = tmp_path / "images" / "split.csv"
    again.write_text("\n".join(["file,class,patient,split", *lines]) + "\n")
    reread = load_dataset(str(again), tmp_path / "cache", findings=())
    assert reread.classes == dataset.classes
    for name, split in dataset.splits.items():
        assert reread.splits[name].paths == split.paths
        np.testing.assert_array_equal(reread.splits[name].labels, split.labels)
