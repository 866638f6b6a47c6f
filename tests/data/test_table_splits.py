"""One split of a table for a network that is trained already, and all of it for an audit."""

import pytest

from jaxcovid.config import TableSettings
from jaxcovid.data.patients import with_patients
from jaxcovid.data.sources import load_evaluation_split, load_whole, unfit_for_table
from jaxcovid.errors import InputError
from tests.data.image_files import write_pictures

CLASSES = "covid", "normal"
NAMES = "0.png", "1.png", "2.png", "3.png"


@pytest.fixture
def images(tmp_path):
    return write_pictures(tmp_path / "images", *NAMES)


def table_of(images, *lines):
    (images / "t.csv").write_text("\n".join(lines) + "\n")
    return images / "t.csv"


def loaded(images, split, *lines, merge=(), **settings):
    table = TableSettings(**settings)
    cache = images.parent / "cache"
    return load_evaluation_split(
        table_of(images, *lines), split, CLASSES, cache, merge=merge, table=table
    )


# Lines of the table, settings, and what the split "test" then holds: path and label.
TABLES = {
    "without splits all": (
        ("file,label", "0.png,normal", "1.png,covid", "3.png,covid"), {}, [("0.png", 1), ("1.png", 0), ("3.png", 0)],
    ),
    "its split alone": (
        ("file,label,split", "0.png,normal,train", "1.png,covid,test", "2.png,normal,TestData", "3.png,odd,val"), {},
        [("1.png", 0), ("2.png", 1)],
    ),
    "one class": (("file,label", "0.png,normal"), {}, [("0.png", 1)]),
    "values of other names": (
        ("file,finding", "0.png,No Finding", "1.png,COVID-19 pneumonia", "2.png,Edema"),
        {"labels": ("covid=COVID-19*", "normal=No Finding")}, [("0.png", 1), ("1.png", 0)],
    ),
    "rows that are asked for": (
        ("file,label,view", "0.png,normal,PA", "1.png,covid,L"), {"select_rows": 'view == "PA"'}, [("0.png", 1)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLES)
def test_a_split_of_a_table(case, images):
    lines, settings, expected = TABLES[case]
    dataset = loaded(images, "test", *lines, **settings)
    split = dataset.splits["test"]
    assert dataset.classes == CLASSES and list(dataset.splits) == ["test"]
    assert sorted(zip(split.paths, split.labels.tolist(), strict=True)) == expected
    assert dataset.notes  # what was understood of it


def test_joined_classes_may_have_their_old_names(images):
    lines = ("file,label", "0.png,flu", "1.png,cold", "2.png,covid")
    dataset = loaded(images, "test", *lines, merge=("normal=flu+cold",))
    split = dataset.splits["test"]
    labels = dict(zip(split.paths, split.labels.tolist(), strict=True))
    assert labels == {"0.png": 1, "1.png": 1, "2.png": 0}


def test_patients_are_those_of_the_table(images):
    lines = ("file,label,patient", "0.png,normal,x", "1.png,covid,y", "2.png,covid,y")
    dataset = with_patients(loaded(images, "test", *lines), None)
    assert dataset.patient_names["test"] == ("y", "y", "x")
    assert len(set(dataset.patients["test"].tolist())) == 2


WRONG = {
    "another class": (
        ("file,label", "0.png,flu", "1.png,covid"),
        r"class 'flu' is unknown to the model, which knows covid, normal; say which values are its classes \(`labels`\)",
    ),
    "another case": (("file,label", "0.png,Covid"), "'Covid' and 'covid' differ in case only"),
    "no such split": (("file,label,split", "0.png,covid,train"), r"`split`: .* has no test images; it has train"),
    "no class at all": (
        ("file,label,split", "0.png,covid,train", "1.png,normal,train", "2.png,,test"), "no test image has a class",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told(case, images):
    lines, message = WRONG[case]
    with pytest.raises(InputError, match=message):
        loaded(images, "test", *lines)
    assert not (images.parent / "cache").exists()


def test_all_of_a_table_with_its_splits(images):
    lines = ("file,label,split", "0.png,b,train", "1.png,a,test", "2.png,a,train")
    dataset = load_whole(
        table_of(images, *lines), images.parent / "cache", skip_unreadable=False,
        memory_budget=1e9, progress=lambda items, *_: items,
    )  # fmt: skip
    assert dataset.classes == ("a", "b")
    assert {name: len(split.labels) for name, split in dataset.splits.items()} == {
        "train": 2,
        "test": 1,
    }


def test_settings_that_say_nothing_of_such_data_are_told():
    assert unfit_for_table("t.csv", False, TableSettings(labels=("a=b",))) == []
    (patients,) = unfit_for_table("t.csv", True, TableSettings())
    assert patients.startswith("`patients`: t.csv itself says")
    settings = TableSettings(labels=("a=b",), readers="all")
    told = unfit_for_table("folder", True, settings)
    assert [line.partition(":")[0] for line in told] == ["`labels`", "`readers`"]
