from pathlib import Path

import numpy as np
import pytest

from jaxcovid.data.dataset import Split
from jaxcovid.data.patients import Row, assign_patients, read_patients
from jaxcovid.errors import InputError

CLASSES = ("a", "b")


def split(*paths):
    pixels = np.zeros((len(paths), 1, 1, 1), np.uint8)
    folders = [Path(path).parts[1] for path in paths]
    labels = [CLASSES.index(folder) if folder in CLASSES else -1 for folder in folders]
    sizes = np.ones((len(paths), 2), np.int32)
    return Split(pixels, sizes, pixels, np.array(labels, np.int32), paths, pixels)


def write(folder, *contents):
    paths = [folder / f"{index}.csv" for index in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return paths


READ = {
    "one file": (["class,file,patient\na,1.png,P\nb,1.png,Q\n"], {("a", "1.png"): "P", ("b", "1.png"): "Q"}),
    "two files": (
        ["class,file,patient\na,1.png,P\n", "class,file,patient\na,2.png,P\n"],
        {("a", "1.png"): "P", ("a", "2.png"): "P"},
    ),
    "other columns, in another order": (["age,patient,file,class\n7,P,1.png,a\n"], {("a", "1.png"): "P"}),
    "byte order mark, other line ends, quotes": (
        ['\ufeffclass,file,patient\r\na,"1, 2.png",P\r\n\r\n'], {("a", "1, 2.png"): "P"},
    ),
    "not ASCII": (["class,file,patient\né,ü.png,ß\n"], {("é", "ü.png"): "ß"}),
    "the same again": (["class,file,patient\na,1.png,P\na,1.png,P\n"], {("a", "1.png"): "P"}),
    "splits": (
        ["class,file,patient,split\na,1.png,P,train\na,1.png,Q,Val\na,2.png,R,\n"],
        {("a", "1.png", "train"): "P", ("a", "1.png", "validation"): "Q", ("a", "2.png"): "R"},
    ),
    "of no class": (["class,file,patient\n,1.png,P\n"], {("", "1.png"): "P"}),
    "no rows": (["class,file,patient\n"], {}),
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_read(case, tmp_path):
    contents, expected = READ[case]
    table = read_patients(write(tmp_path, *contents))
    assert {key: row.patient for key, row in table.items()} == expected


BAD = {
    "columns": (["class;file;patient\na;1.png;P\n"], ["0.csv, line 1: no column class or file or patient"]),
    "one column": (["class,file\na,1.png\n"], ["0.csv, line 1: no column patient; "]),
    "empty": ([""], ["0.csv, line 1: no column class or file or patient"]),
    "not text": ([b"\xff\xfe\x00\x01"], ["0.csv is not readable as CSV ("]),
    "not CSV": (['class,file,patient\na,"1.png'], ["0.csv is not readable as CSV ("]),
    "no patient": (["class,file,patient\na,1.png,P\na,2.png, \na,3.png\n"],
                   ["0.csv, line 3: no patient; ", "0.csv, line 4: no patient; "]),
    "no file": (["class,file,patient\na,,P\n"], ["0.csv, line 2: no file; "]),
    "two patients": (
        ["class,file,patient\na,1.png,P\n", "class,file,patient\nb,1.png,Q\na,1.png,Q\n"],
        ["1.csv, line 3: a/1.png is of patient Q here and of P before; "],
    ),
    "split": (["class,file,patient,split\na,1.png,P,tomorrow\n"], ["0.csv, line 2: split 'tomorrow' is none of train, "]),
    "all of it": (["", "class,file,patient\na,,P\n"], ["0.csv, line 1: no column", "1.csv, line 2: no file"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_read_tells_all_that_is_wrong(case, tmp_path):
    contents, expected = BAD[case]
    with pytest.raises(InputError) as caught:
        read_patients(write(tmp_path, *contents))
    assert len(caught.value.problems) == len(expected)
    for problem, part in zip(caught.value.problems, expected, strict=True):
        assert problem.startswith(f"`patients`: {tmp_path / part}")


def test_missing_files(tmp_path):
    with pytest.raises(
        InputError, match=r"`patients`: .*none.csv is not readable as CSV"
    ) as caught:
        read_patients([tmp_path / "none.csv", tmp_path])
    assert len(caught.value.problems) == 2


TABLE = {("a", "1.png"): "P", ("b", "1.png"): "Q", ("", "3.png"): "R"}
ASSIGNED = {  # splits, table, groups, parts of warnings
    "table": ({"train": split("train/a/1.png", "train/b/1.png")}, TABLE, {"train": [0, 1]}, []),
    "one patient": (
        {"train": split("train/a/1.png", "train/a/2.png")},
        {("a", "1.png"): "P", ("a", "2.png"): "P"}, {"train": [0, 0]}, [],
    ),
    "no table, no names": ({"train": split("train/a/1.png")}, None, {"train": None}, []),
    "NIH names": (
        {"train": split("train/a/00003140_001.png", "train/b/00003140_012.jpeg", "train/a/00003141_001.png")},
        None, {"train": [0, 0, 1]}, [],
    ),
    "almost NIH names": (
        {"train": split("train/a/0003140_001.png", "train/a/00003140_01.png", "train/a/00003140_001.png.jpg")},
        None, {"train": None}, [],
    ),
    "some unknown": (
        {"train": split("train/a/1.png", "train/a/8.png", "train/a/9.png")}, TABLE, {"train": [0, 1, 2]},
        ["2 of 3 image(s) are of no known patient, such as train/a/8.png"],
    ),
    "the table comes first": (
        {"train": split("train/a/00003140_001.png", "train/a/00003140_002.png")},
        {("a", "00003140_001.png"): "P"}, {"train": [0, 1]}, [],
    ),
    "unlabelled": ({"test": split("test/3.png")}, TABLE, {"test": [0]}, []),
    "shared": (
        {"train": split("train/a/1.png", "train/b/1.png"), "validation": split("val/a/1.png", "val/b/1.png"),
         "test": split("test/b/1.png")},
        TABLE, {"train": [0, 1], "validation": [0, 1], "test": [0]},
        ["2 patients have images in train and validation, such as P: that score is partly memory",
         "1 patient has images in train and test, such as Q", "1 patient has images in validation and test"],
    ),
    "rows of a split": (
        {"train": split("train/a/1.png"), "validation": split("val/a/1.png", "val/b/1.png")},
        {("a", "1.png"): "P", ("a", "1.png", "validation"): "Q", ("b", "1.png"): "Q"},
        {"train": [0], "validation": [0, 0]}, [],
    ),
    "none known in a split": (
        {"train": split("train/a/1.png"), "validation": split("val/a/9.png")}, TABLE,
        {"train": [0], "validation": None}, ["1 of 2 image(s) are of no known patient"],
    ),
}  # fmt: skip


def rows(table):
    return table and {key: Row(patient) for key, patient in table.items()}


@pytest.mark.parametrize("case", ASSIGNED)
def test_assign(case):
    splits, table, groups, warnings = ASSIGNED[case]
    patients = assign_patients(splits, CLASSES, rows(table))
    assert {
        name: None if numbers is None else numbers.tolist()
        for name, numbers in patients.groups.items()
    } == groups
    assert len(patients.warnings) == len(warnings)
    for warning, part in zip(patients.warnings, warnings, strict=True):
        assert warning.startswith(part)


def test_a_table_of_other_images():
    with pytest.raises(InputError, match="`patients`: none of the 1 row"):
        assign_patients({"train": split("train/a/1.png")}, CLASSES, rows({("A", "1.png"): "P"}))


def test_further_columns_and_folders_before_the_file(tmp_path):
    content = "file,class,patient,source,view,mood\na/1.png,a,P,Ulm,PA,good\nx/a/2.png,a,P,,AP,\n"
    table = read_patients(write(tmp_path, content))
    assert table == {
        ("a", "a/1.png"): Row("P", {"source": "Ulm", "view": "PA"}),
        ("a", "x/a/2.png"): Row("P", {"view": "AP"}),
    }
    splits = {"train": split("train/a/1.png", "train/a/9.png"), "test": split("test/a/2.png")}
    assigned = assign_patients(splits, CLASSES, table)
    assert assigned.columns == {
        "train": {"source": ("Ulm", ""), "view": ("PA", "")},
        "test": {"source": ("",), "view": ("AP",)},
    }
    assert assigned.names == {"train": ("P", None), "test": ("P",)}


BY_PATH = {  # path below the class, and whose it is
    "patient00001/study1/view1_frontal.jpg": "patient00001",
    "p10/p10000032/s50414267/02aa804e.jpg": "p10000032",
    "sub-S03047/ses-E1/mod-rx/x.png": "sub-S03047",
    "sub-S03047_ses-E1_vp-pa_dx.png": "sub-S03047",
    "batch1/00003140_001.png": "00003140",
    "person3001_bacteria_9001.jpeg": "person3001_bacteria",
    "person3006_virus_9105_1.jpeg": "person3006_virus",
    "IM-4115-0001.jpeg": "IM-4115",
    "NORMAL2-IM-1427-0001-0002.jpeg": "NORMAL2-IM-1427",
    "IM-0001-0001.jpg": None,
    "IM-0001-0001": None,
    "person3001.jpeg": None,
    "patient1/1.png": None,
    "batch1/1.png": None,
    "patient00001.png": None,
}


@pytest.mark.parametrize("path", BY_PATH)
def test_folders_of_public_sets_tell_the_patient(path):
    patients = assign_patients({"train": split(f"train/a/{path}", "train/b/1.png")}, CLASSES, None)
    assert patients.names["train"][0] == BY_PATH[path]
