from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxcovid.config import TableSettings
from jaxcovid.data.division import Division
from jaxcovid.data.patients import with_patients
from jaxcovid.data.sources import load_dataset, load_evaluation_split
from jaxcovid.errors import InputError


def pile(folder, classes, count=6, splits=("",), seed=0):
    """Class folders of images, perhaps in folders of splits."""
    random = np.random.default_rng(seed)
    for split in splits:
        for name in classes:
            (folder / split / name).mkdir(parents=True)
            for index in range(count):
                pixels = random.integers(0, 256, (30, 30), np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f"{index}.png")
    return str(folder)


def load(data, tmp_path, **options):
    dataset = load_dataset(data, tmp_path / "cache", **options)
    return with_patients(dataset, None)


def counts(dataset):
    return {name: len(split.labels) for name, split in dataset.splits.items()}


def sources(dataset):
    return {value for columns in dataset.columns.values() for value in columns["source"]}


def test_folders_of_one_class_each_are_one_set(tmp_path):
    data = pile(tmp_path / "a", ["ill"], 20), pile(tmp_path / "b", ["well"], 20, seed=1)
    dataset = load(data, tmp_path)
    assert dataset.classes == ("ill", "well") and dataset.name == "a+b"
    assert counts(dataset) == {"train": 28, "validation": 6, "test": 6}
    assert sources(dataset) == {"a", "b"}
    paths = {path for split in dataset.splits.values() for path in split.paths}
    assert {"a/ill/0.png", "b/well/19.png"} < paths
    assert "sources: a 20 images, b 20 images" in dataset.notes
    assert {member.file for member in dataset.members} == paths


def test_splits_that_all_have_stay(tmp_path):
    splits = ("train", "val")
    data = [pile(tmp_path / name, ["ill", "well"], 3, splits, ord(name)) for name in "ab"]
    dataset = load(data, tmp_path, source=("here", "there"))
    assert counts(dataset) == {"train": 12, "validation": 12}
    assert sources(dataset) == {"here", "there"}
    again = load(data, tmp_path, division=Division(again=True))
    assert counts(again) == {"train": 16, "validation": 4, "test": 4}


def test_folders_and_tables_named_as_splits_are_these(tmp_path):
    """As CheXpert's train.csv and valid.csv, which are of the same patients' hospital."""
    folder = tmp_path / "chexpert"
    pile(folder / "images", ["ill", "well"], 8)
    for name, numbers in (("train", range(6)), ("valid", range(6, 8))):
        rows = [
            f"{label}/{index}.png,{label},p{index}"
            for label in ("ill", "well")
            for index in numbers
        ]
        (folder / f"{name}.csv").write_text("\n".join(["file,class,patient", *rows]))
    table = TableSettings(images=folder / "images")
    data = [str(folder / "train.csv"), str(folder / "valid.csv")]
    dataset = load(data, tmp_path, table=table)
    assert counts(dataset) == {"train": 12, "validation": 4}
    assert sources(dataset) == {"chexpert"}
    assert dataset.patient_names["train"][0] == "p0"
    assert any(
        note == "valid: its images are the split validation, by its name" for note in dataset.notes
    )


def test_patients_of_two_sources_are_different_people(tmp_path):
    for name in "ab":
        pile(tmp_path / name, ["ill", "well"], 8, seed=ord(name))
        rows = [
            f"{label}/{index}.png,{label},p{index}"
            for label in ("ill", "well")
            for index in range(8)
        ]
        (tmp_path / name / "of.csv").write_text("\n".join(["file,class,patient", *rows]))
    data = [str(tmp_path / name / "of.csv") for name in "ab"]
    table = TableSettings()
    apart = load(data, tmp_path, source=("x", "y"), table=table)
    together = load(data, tmp_path, source=("x", "x"), table=table)
    people = [
        {name for names in dataset.patient_names.values() for name in names}
        for dataset in (apart, together)
    ]
    assert len(people[0]) == 16 and {"x/p0", "y/p0"} < people[0]
    assert people[1] == {f"p{index}" for index in range(8)}


def test_folders_of_one_name_are_two_sources(tmp_path):
    data = [pile(tmp_path / place / "xrays", ["ill", "well"], 8, seed=ord(place)) for place in "ab"]
    dataset = load(data, tmp_path)
    assert sources(dataset) == {"xrays-1", "xrays-2"}
    assert dataset.name == "xrays-1+xrays-2"


def test_one_folder_may_have_a_source(tmp_path):
    dataset = load(pile(tmp_path / "a", ["ill", "well"], 20), tmp_path, source=("here",))
    assert sources(dataset) == {"here"} and dataset.name == "a"
    assert "ill/0.png" in {path for split in dataset.splits.values() for path in split.paths}


def test_several_are_the_same_wherever_they_lie(tmp_path):
    here, there = (
        load(
            [pile(tmp_path / place / name, ["ill", "well"], 10, seed=ord(name)) for name in "ab"],
            tmp_path,
        )
        for place in ("here", "there")
    )
    assert here.fingerprint == there.fingerprint
    assert here.splits["train"].paths == there.splits["train"].paths


def refused(tmp_path, data, text, **options):
    with pytest.raises(InputError) as caught:
        load(data, tmp_path, **options)
    assert any(text in problem for problem in caught.value.problems), caught.value.problems


def test_what_does_not_fit_together_is_told(tmp_path):
    whole = pile(tmp_path / "whole", ["ill", "well"])
    split = pile(tmp_path / "split", ["ill", "well"], 3, ("train", "val"))
    capitals = pile(tmp_path / "capitals", ["ILL", "well"])
    ill = [pile(tmp_path / name, ["ill"], seed=ord(name)) for name in "xy"]
    refused(tmp_path, [whole, split], "no splits, though others of the data have some")
    again = load([whole, split], tmp_path, division=Division(again=True))
    assert sum(counts(again).values()) == 24 and set(counts(again)) == {
        "train",
        "validation",
        "test",
    }
    refused(tmp_path, [whole, capitals], "'ILL' and 'ill' differ in case only; name them alike")
    refused(tmp_path, ill, "all together hold ill; training needs at least two classes")
    refused(tmp_path, ["nowhere", "beyond"], "beyond does not exist")
    refused(tmp_path, [whole, "tfds:mnist"], "tfds:mnist cannot be joined")
    refused(tmp_path, [whole, split], "`source`: 1 name(s) for 2 `data`", source=("here",))
    refused(tmp_path, [whole, f"{whole}/../whole"], "is given twice")
    refused(
        tmp_path, [whole, split], "`columns`: ", table=TableSettings(columns=("file=a",)),
        division=Division(again=True),
    )  # fmt: skip


def test_a_split_of_several_is_evaluated_as_one(tmp_path):
    """Folders with splits, without, and tables; whoever has the split, and all where there is none."""
    whole = pile(tmp_path / "a", ["ill", "well"], 3)
    split = pile(tmp_path / "b", ["ill"], 2, ("train", "test"), seed=1)
    pile(tmp_path / "c", ["Ill"], 2, seed=2)
    table = tmp_path / "c" / "of.csv"
    table.write_text("file,class,patient\nIll/0.png,ill,p0\nIll/1.png,ill,p0")
    dataset = load_evaluation_split(
        [Path(whole), Path(split), table], "test", ("well", "ill"), tmp_path / "cache",
        source=("x", "y", "x"),
    )  # fmt: skip
    dataset = with_patients(dataset, None)
    test = dataset.splits["test"]
    assert dataset.classes == ("well", "ill") and [*dataset.splits] == ["test"]
    assert dict(zip(test.paths, test.labels, strict=True)) == {
        **{f"a/ill/{index}.png": 1 for index in range(3)},
        **{f"a/well/{index}.png": 0 for index in range(3)},
        **{f"b/test/ill/{index}.png": 1 for index in range(2)},
        **{f"of/Ill/{index}.png": 1 for index in range(2)},
    }
    assert sorted(dataset.columns["test"]["source"]) == ["x"] * 8 + ["y"] * 2
    names = dict(zip(test.paths, dataset.patient_names["test"], strict=True))
    assert names["of/Ill/0.png"] == names["of/Ill/1.png"] == "x/p0"


def test_what_is_wrong_with_one_of_several_to_evaluate_is_told(tmp_path):
    whole, other = pile(tmp_path / "a", ["ill", "well"]), pile(tmp_path / "b", ["odd"])
    arguments = "test", ("well", "ill"), tmp_path / "cache"
    with pytest.raises(InputError, match="class 'odd' is unknown to the model"):
        load_evaluation_split([Path(whole), Path(other)], *arguments)
    with pytest.raises(InputError, match="is given twice"):
        load_evaluation_split([Path(whole), Path(whole)], *arguments)
    with pytest.raises(InputError, match="does not exist"):
        load_evaluation_split([Path(whole), tmp_path / "none"], *arguments)


def test_tables_of_one_folder_are_splits_by_a_word_and_lack_only_what_none_lists(tmp_path):
    pile(tmp_path / "all", ["ill", "well"], 12)
    rows = [f"{name}/{place}.png,{name}" for place in range(11) for name in ("ill", "well")]
    tables = []
    for name, of_table in (("labels_train", rows[:16]), ("labels_test", rows[16:])):
        tables.append(str(tmp_path / "all" / f"{name}.csv"))
        Path(tables[-1]).write_text("\n".join(["file,class", *of_table]) + "\n")
    dataset = load(tables, tmp_path)
    assert counts(dataset) == {"train": 14, "validation": 2, "test": 6}
    told = [note for note in dataset.notes if "in no row" in note]
    assert told == ["2 image(s) in no row, so left out (ill/11.png, well/11.png)"]
    again = load(tables, tmp_path, division=Division(again=True))
    assert sources(again) == {"all"}


def test_findings_of_which_a_table_says_nothing_are_unknown(tmp_path):
    def table(name, *rows):
        folder = tmp_path / name
        pile(folder, ["x"], len(rows))
        lines = [f"x/{place}.png,{row}" for place, row in enumerate(rows)]
        (folder / "t.csv").write_text("\n".join(["file,label", *lines]) + "\n")
        return str(folder / "t.csv")

    here = table("here", *["a|b", "a", "b", "normal"] * 3)
    there = table("there", *["b|c", "c", "b", "normal"] * 3)
    dataset = load([here, there], tmp_path, findings=())
    assert dataset.findings == ("a", "b", "c")
    assert set(dataset.classes) == {
        "a|b|c?", "a|c?", "b|c?", "c?", "b|c|a?", "c|a?", "b|a?", "a?",
    }  # fmt: skip
    assert len(dataset.members) == 24
    single = table("single", *["a", "d", "normal"] * 4)  # a finding in each row, by chance
    dataset = load([single, here], tmp_path, findings=())
    assert dataset.findings == ("a", "d", "b")
    assert set(dataset.classes) == {
        "a|b?", "d|b?", "b?", "a|b|d?", "a|d?", "b|d?", "d?",
    }  # fmt: skip
    with pytest.raises(InputError, match="one class each; give tables of findings alone"):
        load([here, pile(tmp_path / "folders", ["a", "b"])], tmp_path, findings=())
    assert load([single, table("two", *["a", "d"] * 6)], tmp_path, findings=()).findings == ()
