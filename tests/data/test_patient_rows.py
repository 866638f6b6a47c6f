"""Rows of tables and images: every way to name a file finds its patient, none another's."""

import pytest

from jaxcovid.data.patient_rows import Row, named, parts_of, rows_of_images
from jaxcovid.errors import InputError

DEEP = {"train": ["train/a/patient1/study1/view1.jpg", "train/a/patient2/study1/view1.jpg"]}
FLAT = {"train": ["train/a/1.png", "train/b/1.png"], "validation": ["val/a/1.png"]}
MIXED = {"train": ["train/a/1.png", "train/a/sub/1.png"]}
WHOLE = {"images": ["a/x/1.png", "a/y/1.png", "b/x/1.png"]}


def assigned(paths, rows):
    """The patient of each image; rows are (class, file, patient) or with a split at the end."""
    images = {
        name: [named(path, name, label_of(path)) for path in of_split]
        for name, of_split in paths.items()
    }
    table = {(label, file, *split): Row(who) for label, file, who, *split in rows}
    return {
        name: [row and row.patient for row in of_split]
        for name, of_split in rows_of_images(images, table).items()
    }


def label_of(path):
    return next((part for part in path.split("/")[:-1] if part in ("a", "b")), "")


def both(*files):
    return [("a", file, f"P{place}") for place, file in enumerate(files, 1)]


FOUND = {  # images, rows, patients
    "below the class": (DEEP, both(*(f"patient{n}/study1/view1.jpg" for n in (1, 2))), {"train": ["P1", "P2"]}),
    "of the split": (DEEP, both(*(f"a/patient{n}/study1/view1.jpg" for n in (1, 2))), {"train": ["P1", "P2"]}),
    "of the data": (DEEP, both(*(f"train/a/patient{n}/study1/view1.jpg" for n in (1, 2))), {"train": ["P1", "P2"]}),
    "in a further folder": (DEEP, both(*(f"CheXpert-v1.0-small/train/patient{n}/study1/view1.jpg" for n in (1, 2))), {"train": ["P1", "P2"]}),
    "from the root": (DEEP, both(*(f"/mnt/x/train/a/patient{n}/study1/view1.jpg" for n in (1, 2))), {"train": ["P1", "P2"]}),
    "other slashes": (DEEP, both(*(f"patient{n}\\study1\\view1.jpg" for n in (1, 2))), {"train": ["P1", "P2"]}),
    "with a dot": (DEEP, both(*(f"./patient{n}/study1/view1.jpg" for n in (1, 2))), {"train": ["P1", "P2"]}),
    "of another split once": (
        {"validation": ["val/a/patient1/study1/view1.jpg"]}, both("CheXpert/train/patient1/study1/view1.jpg"), {"validation": ["P1"]},
    ),
    "one patient alone": (DEEP, both("patient1/study1/view1.jpg"), {"train": ["P1", None]}),
    "names alone": (FLAT, [("a", "1.png", "P"), ("b", "1.png", "Q")], {"train": ["P", "Q"], "validation": ["P"]}),
    "names of a split": (FLAT, [("a", "1.png", "P", "train"), ("a", "1.png", "Q", "validation")], {"train": ["P", None], "validation": ["Q"]}),
    "a split's own row": (FLAT, [("a", "1.png", "P"), ("a", "1.png", "Q", "validation")], {"train": ["P", None], "validation": ["Q"]}),
    "whole paths": (FLAT, [("a", "train/a/1.png", "P"), ("a", "val/a/1.png", "Q")], {"train": ["P", None], "validation": ["Q"]}),
    "one whole path": (FLAT, [("a", "val/a/1.png", "Q")], {"train": [None, None], "validation": ["Q"]}),
    "split and name": (FLAT, [("a", "validation/1.png", "Q")], {"train": [None, None], "validation": ["Q"]}),
    "an image that is left out": ({"validation": ["val/a/1.png"]}, [("a", "train/a/1.png", "P")], {"validation": [None]}),
    "name and path": (MIXED, [("a", "1.png", "P"), ("a", "sub/1.png", "Q")], {"train": ["P", "Q"]}),
    "the nested one": (MIXED, [("a", "sub/1.png", "Q")], {"train": [None, "Q"]}),
    "without splits": (WHOLE, [("a", "x/1.png", "P"), ("a", "y/1.png", "Q"), ("b", "1.png", "R")], {"images": ["P", "Q", "R"]}),
    "accents": ({"train": ["train/a/e\u0301.png"]}, [("a", "\u00e9.png", "P")], {"train": ["P"]}),
    "unlabelled": ({"test": ["test/1.png"]}, [("", "1.png", "P"), ("a", "1.png", "Q")], {"test": ["P"]}),
    "one patient by two rows": (MIXED, [("a", "x/1.png", "P"), ("a", "y/1.png", "P")], {"train": ["P", None]}),
}  # fmt: skip


@pytest.mark.parametrize("case", FOUND)
def test_each_image_has_the_patient_of_its_row(case):
    paths, rows, expected = FOUND[case]
    assert assigned(paths, rows) == expected


UNCLEAR = {
    "a name that occurs twice": (DEEP, both("view1.jpg"), "the row of view1.jpg fits 2 images of train, such as train/a/patient1"),
    "a folder that occurs twice": (DEEP, both("study1/view1.jpg"), "the row of study1/view1.jpg fits 2 images"),
    "several rows": (
        {"train": ["train/a/1.png"]}, both("x/1.png", "y/1.png"), "train/a/1.png may be of P1 or P2, as rows of x/1.png and y/1.png",
    ),
    "without splits": (WHOLE, [("a", "1.png", "P")], "the row of 1.png fits 2 images of images"),
    "many": (
        {"train": [f"train/a/{n}/1.png" for n in range(2)] + [f"train/b/{n}/{m}.png" for n in range(2) for m in range(9)]},
        [*both("1.png"), *(("b", f"{m}.png", "Q") for m in range(9))], "and 5 more of the kind",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNCLEAR)
def test_what_is_not_clear_is_an_error(case):
    paths, rows, message = UNCLEAR[case]
    with pytest.raises(InputError) as error:
        assigned(paths, rows)
    assert message in error.value.problems[-1]


def test_classes_may_be_named_as_their_folders_where_they_are_joined():
    image = named("val/covid/1.png", "validation", "ill")
    for label, expected in (("ill", "P"), ("covid", "P"), ("normal", None)):
        (row,) = rows_of_images({"validation": [image]}, {(label, "1.png"): Row("P")})["validation"]
        assert (row and row.patient) == expected


def test_many_files_of_one_name_take_no_long_time():
    paths = {"train": [f"train/a/patient{n:05d}/study1/view1.jpg" for n in range(2000)]}
    rows = [("a", path.removeprefix("train/a/"), path[8:20]) for path in paths["train"]]
    assert assigned(paths, rows)["train"] == [who for _, _, who in rows]


@pytest.mark.parametrize("path", ["a/b.png", "a//b.png", "./a/b.png", "/a/b.png", "a\\b.png"])
def test_parts(path):
    assert parts_of(path) == ("a", "b.png")
