import numpy as np
import pytest

from jaxcovid.data import phantom, tfds_sets
from jaxcovid.data.dataset import Dataset
from jaxcovid.data.disk import StoredPixels
from jaxcovid.data.sources import load_dataset, load_evaluation_split
from jaxcovid.errors import InputError
from tests.data.image_files import load_folder, write_pictures


def test_no_data_are_the_phantoms(tmp_path, monkeypatch):
    monkeypatch.setattr(phantom, "SIZES", {"train": 2, "validation": 1, "test": 1})
    dataset = load_dataset(None, tmp_path)
    assert (dataset.name, dataset.classes) == ("phantoms", phantom.CLASSES)
    assert {name: split.labels.tolist() for name, split in dataset.splits.items()} == {
        "train": [0, 0, 1, 1, 2, 2], "validation": [0, 1, 2], "test": [0, 1, 2],
    }  # fmt: skip
    assert dataset.splits["train"].augmentable.shape == (6, 256, 256, 1)
    assert dataset.splits["train"].paths[2] == "ground_glass/train-000.png"
    assert load_dataset(None, tmp_path).fingerprint == dataset.fingerprint
    monkeypatch.setitem(phantom.SIZES, "test", 2)
    assert load_dataset(None, tmp_path).fingerprint != dataset.fingerprint


def test_a_prefix_names_a_tfds_set(tmp_path, monkeypatch):
    monkeypatch.setattr(
        tfds_sets,
        "load_tfds",
        lambda name, _, side, _as: Dataset(name, ("a", "b"), {}, "", stored_side=side),
    )
    dataset = load_dataset("tfds:chest/small:1.0.0", tmp_path, stored_side=512)
    assert (dataset.name, dataset.stored_side) == ("chest/small:1.0.0", 512)


def test_a_path_is_a_folder(image_folder, tmp_path):
    dataset = load_dataset(str(image_folder), tmp_path / "cache")
    np.testing.assert_equal(
        dataset._asdict(), load_folder(image_folder, tmp_path / "cache")._asdict()
    )


@pytest.mark.parametrize("load", ["dataset", "split"])
def test_settings_reach_the_folder(load, image_folder, tmp_path):
    (image_folder / "train" / "covid" / "train1.png").write_bytes(b"")

    def train(**settings):
        if load == "dataset":
            return load_dataset(str(image_folder), tmp_path / "cache", **settings).splits["train"]
        arguments = (image_folder, "train", ("covid", "normal"), tmp_path / "cache")
        return load_evaluation_split(*arguments, **settings).splits["train"]

    with pytest.raises(InputError, match=r"train1\.png: the file is empty"):
        train()
    assert isinstance(train(skip_unreadable=True).evaluation, np.ndarray)
    assert isinstance(train(skip_unreadable=True, memory_budget=0).evaluation, StoredPixels)
    bars = []

    def progress(items, description, length):
        bars.append((description, length))
        return items

    train(skip_unreadable=True, progress=progress)
    assert ("Reading train images", 11) in bars


FOLDERS = {
    "as before joining": (("covid-19/1", "normal/2", "pneumonia/3"), [0, 1, 0]),
    "joined already": (("infected/1", "normal/2"), [0, 1]),
    "of both": (("infected/1", "pneumonia/2"), [0, 0]),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_a_folder_elsewhere_may_have_either_classes(case, tmp_path):
    names, labels = FOLDERS[case]
    folder = write_pictures(tmp_path / "images", *(f"test/{name}.png" for name in names))
    got = load_evaluation_split(
        folder,
        "test",
        ("infected", "normal"),
        tmp_path / "cache",
        merge=("infected=covid-19+pneumonia",),
    )
    assert got.classes == ("infected", "normal")
    assert got.splits["test"].labels.tolist() == labels
