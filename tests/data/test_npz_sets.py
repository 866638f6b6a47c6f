"""Sets in one .npz: MedMNIST's."""

import numpy as np
import pytest

from jaxcovid.config import TableSettings
from jaxcovid.data.sources import load_dataset, load_evaluation_split, load_whole
from jaxcovid.errors import InputError

COUNTS = {"train": (5, 4), "val": (2, 2), "test": (1, 3)}


def arrays(side=28, channels=()):
    rng = np.random.default_rng(0)
    held = {}
    for name, counts in COUNTS.items():
        held[f"{name}_images"] = rng.integers(
            0, 256, (sum(counts), side, side, *channels), np.uint8
        )
        held[f"{name}_labels"] = np.repeat(np.arange(2, dtype=np.uint8), counts)[:, None]
    return held


def written(tmp_path, held, save=np.savez_compressed):
    save(tmp_path / "set.npz", **held)
    return tmp_path / "set.npz"


NAMED = TableSettings(labels=("normal=0", "pneumonia=1"))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_splits_classes_and_pixels(save, channels, tmp_path):
    path = written(tmp_path, arrays(channels=channels), save)
    dataset = load_dataset(str(path), tmp_path / "cache", table=NAMED)
    assert dataset.classes == ("normal", "pneumonia") and dataset.name == "set"
    for name, counts in zip(("train", "validation", "test"), COUNTS.values(), strict=True):
        assert np.bincount(dataset.splits[name].labels).tolist() == [*counts]
    assert dataset.splits["train"].paths[0] == "train/000000"
    assert dataset.splits["train"].evaluation.shape[1:3] == (224, 224)
    (note,) = dataset.notes
    assert "images of 28 x 28 pixels, enlarged" in note


def test_without_names_the_numbers_are_the_classes(tmp_path):
    path = written(tmp_path, arrays())
    assert load_dataset(str(path), tmp_path).classes == ("0", "1")


def test_what_is_not_named_is_left_out_and_told(tmp_path):
    held = arrays()
    held["train_labels"][0] = 2
    table = TableSettings(labels=("a=0", "b=1"))
    dataset = load_dataset(str(written(tmp_path, held)), tmp_path, table=table)
    assert len(dataset.splits["train"].labels) == 8
    assert "1 image(s) left out: of a label that `labels` does not name" in dataset.notes


def test_the_fingerprint_is_of_pixels_and_classes(tmp_path):
    held = arrays()
    first = load_dataset(str(written(tmp_path, held)), tmp_path).fingerprint
    assert load_dataset(str(written(tmp_path, held, np.savez)), tmp_path).fingerprint == first
    held["test_images"][0, 0, 0] ^= 1
    assert load_dataset(str(written(tmp_path, held)), tmp_path).fingerprint != first


def test_one_split_for_a_network_and_all_for_an_audit(tmp_path):
    path = written(tmp_path, arrays())
    split = load_evaluation_split(path, "test", ("pneumonia", "normal"), tmp_path, table=NAMED)
    assert split.splits["test"].labels.tolist() == [1, 0, 0, 0]
    whole = load_whole(
        path, tmp_path, skip_unreadable=False, memory_budget=1e9, progress=lambda items, *_: items
    )
    assert list(whole.splits) == ["train", "validation", "test"]
    with pytest.raises(InputError, match=r"class '0' is unknown to the model.*`labels`"):
        load_evaluation_split(path, "test", ("pneumonia", "normal"), tmp_path)


def changed(**others):
    return lambda: {name: array for name, array in (arrays() | others).items() if array is not None}


WRONG = {
    "no validation": (changed(val_images=None), "has no validation images; it needs train_images"),
    "no labels": (changed(val_labels=None), "has val_images, but no val_labels"),
    "several findings": (changed(val_labels=np.zeros((4, 14), np.uint8)), r"shape \(4, 14\) for 4 images; one whole number"),
    "fractions": (changed(val_labels=np.zeros(4)), "val_labels are float64"),
    "other pixels": (changed(val_images=np.zeros((4, 28, 28))), "val_images are float64"),
    "four channels": (changed(val_images=np.zeros((4, 28, 28, 4), np.uint8)), r"shape \(4, 28, 28, 4\)"),
    "one class": (changed(train_labels=np.zeros(9, np.uint8), val_labels=np.zeros(4, np.uint8), test_labels=np.zeros(4, np.uint8)), r"holds 1 class\(es\)"),
    "a class without training images": (changed(train_labels=np.zeros(9, np.uint8)), "no training image of class '1'"),
    "nothing": (dict, "and holds nothing"),
    "objects": (changed(val_labels=np.array([None] * 4, object)), "no file of arrays|no val_labels"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told(case, tmp_path):
    make, message = WRONG[case]
    with pytest.raises(InputError, match=message):
        load_dataset(str(written(tmp_path, make())), tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip"])
def test_a_file_that_is_none_is_told(content, tmp_path):
    (tmp_path / "set.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"set\.npz is no file of arrays"):
        load_dataset(str(tmp_path / "set.npz"), tmp_path)
    with pytest.raises(InputError, match=r"gone\.npz cannot be read"):
        load_dataset(str(tmp_path / "gone.npz"), tmp_path)


def test_a_label_that_is_none_is_told(tmp_path):
    table = TableSettings(labels=("a=0", "b=7"))
    with pytest.raises(InputError, match=r"`labels`: b fits no label of .*; there are 0, 1"):
        load_dataset(str(written(tmp_path, arrays())), tmp_path, table=table)
