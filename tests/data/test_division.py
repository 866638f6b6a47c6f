"""Folders without the splits that training needs, or with others than are wanted."""

from pathlib import Path

import numpy as np
import pytest

from jaxcovid.data.dataset import Row
from jaxcovid.data.division import Division, shares_to_draw
from jaxcovid.data.layout import ImageFile, Layout
from jaxcovid.data.patients import with_patients
from jaxcovid.data.sources import load_dataset
from jaxcovid.errors import InputError
from tests.data.image_files import write_pictures

USUAL = {"train": 70.0, "validation": 15.0, "test": 15.0}

SHARES = {  # the splits that the data have, what is wanted, and what is to be drawn
    "no split": (["images"], Division(), USUAL),
    "training alone": (["train"], Division(), USUAL),
    "training and test": (["train", "test"], Division(), {"train": 70.0, "validation": 15.0}),
    "training and validation": (["train", "validation"], Division(), {}),
    "all": (["train", "validation", "test"], Division(), {}),
    "all, again": (["train", "validation", "test"], Division(again=True), USUAL),
    "two shares": (["images"], Division((80, 20)), {"train": 80, "validation": 20}),
    "three, and a test split": (["train", "test"], Division((60, 20, 20)), {"train": 60, "validation": 20}),
}  # fmt: skip


def of_splits(names):
    return Layout(("a",), tuple(ImageFile(name, "a", Path(name)) for name in names), ())


@pytest.mark.parametrize("case", SHARES)
def test_what_is_drawn(case):
    given, wanted, expected = SHARES[case]
    assert shares_to_draw(wanted, of_splits(given)) == expected


def names(prefix, *labels, count=8):
    return [f"{prefix}{label}/{number}.png" for label in labels for number in range(count)]


def load(folder, tmp_path, table=None, **wanted):
    return load_dataset(
        str(folder), tmp_path / "cache", division=Division(**wanted), patients=table
    )


def held(dataset):
    return {
        name: np.bincount(split.labels + 1, minlength=3).tolist()
        for name, split in dataset.splits.items()
    }


FOLDERS = {  # files, and how many images each split then has: unlabelled, of a, of b
    "classes": (names("", "a", "b"), {"train": [0, 6, 6], "validation": [0, 1, 1], "test": [0, 1, 1]}),
    "training alone": (names("Training/", "a", "b"), {"train": [0, 6, 6], "validation": [0, 1, 1], "test": [0, 1, 1]}),
    "training and test": ([*names("train/", "a", "b"), *names("test/", "a", count=2)], {"train": [0, 7, 7], "validation": [0, 1, 1], "test": [0, 2, 0]}),
    "an unlabelled test split": ([*names("train/", "a", "b"), "test/x.png"], {"train": [0, 7, 7], "validation": [0, 1, 1], "test": [1, 0, 0]}),
}  # fmt: skip


@pytest.mark.parametrize("case", FOLDERS)
def test_folders_without_a_validation_split(case, tmp_path):
    files, expected = FOLDERS[case]
    dataset = load(write_pictures(tmp_path / "data", *files), tmp_path)
    assert held(dataset) == expected
    (note,) = dataset.notes
    assert note.startswith("Splits were drawn from 16 images: train, validation")
    assert len(dataset.members) == len(files)
    placed = {member.file: member.split for member in dataset.members}
    for name, split in dataset.splits.items():
        assert {placed[path] for path in split.paths} == {name}
    assert any("drawn image by image" in warning for warning in dataset.warnings)
    assert len(dataset.splits["train"].augmentable) and dataset.classes == ("a", "b")


def test_patients_stay_together_by_the_table_also_after_the_draw(tmp_path):
    files = names("train/", "a", "b", count=12)
    folder = write_pictures(tmp_path / "data", *files)
    table = {
        (label, f"{number}.png", "train"): Row(f"{label}{number // 2}", {"source": label})
        for label in "ab"
        for number in range(11)
    }
    dataset = with_patients(load(folder, tmp_path, table), table)
    where = {}
    for name, patients in dataset.patient_names.items():
        for patient in filter(None, patients):
            where.setdefault(patient, set()).add(name)
    assert len(where) == 12 and all(len(splits) == 1 for splits in where.values())
    assert set(dataset.columns["train"]["source"]) == {"a", "b"}
    assert "12 patients' images together, 2 images of no known patient" in dataset.notes[0]
    assert not any("two splits" in warning or "and test" in warning for warning in dataset.warnings)


def test_names_of_files_tell_patients_too(tmp_path):
    files = [f"{label}/000000{10 * side + number}_00{copy}.png" for side, label in enumerate("ab", 1) for number in range(6) for copy in (0, 1)]  # fmt: skip
    dataset = load(write_pictures(tmp_path / "data", *files), tmp_path)
    split_of = {}
    for member in dataset.members:
        assert split_of.setdefault(member.patient, member.split) == member.split
    assert len(split_of) == 12 and not dataset.warnings


def test_a_patient_of_two_classes_is_counted(tmp_path):
    folder = write_pictures(tmp_path / "data", *names("", "a", "b"))
    table = {(label, f"{number}.png"): Row(f"P{number}") for label in "ab" for number in range(8)}
    dataset = load(folder, tmp_path, table)
    assert "8 patients have images of several classes, such as P0" in dataset.warnings
    assert held(dataset) == {"train": [0, 6, 6], "validation": [0, 1, 1], "test": [0, 1, 1]}


def test_given_splits_are_drawn_anew_on_request(tmp_path):
    files = [*names("train/", "a", "b", count=4), *names("val/", "a", "b", count=4)]
    folder = write_pictures(tmp_path / "data", *files)
    assert load(folder, tmp_path).notes == ()
    again = load(folder, tmp_path, again=True, shares=(50, 50))
    assert held(again) == {"train": [0, 4, 4], "validation": [0, 4, 4]}
    assert {member.file.split("/")[0] for member in again.members if member.split == "train"} == {"train", "val"}  # fmt: skip
    with pytest.raises(InputError, match="have the splits train, validation; leave it out to use"):
        load(folder, tmp_path, shares=(50, 50))


def test_another_seed_is_another_draw_and_other_prepared_images(tmp_path):
    folder = write_pictures(tmp_path / "data", *names("", "a", "b"))
    first, again, other = (load(folder, tmp_path, seed=seed) for seed in (0, 0, 1))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert first.members == again.members != other.members


@pytest.mark.parametrize("data", [None, "tfds:chest"])
def test_data_with_splits_of_their_own_are_not_drawn(data, tmp_path):
    with pytest.raises(InputError, match=r"`split`: .* with splits of its own"):
        load_dataset(data, tmp_path, division=Division((80, 20)))
    with pytest.raises(InputError, match="`resplit`"):
        load_dataset(data, tmp_path, division=Division(again=True))
