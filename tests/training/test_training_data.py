import shutil

import jax
import numpy as np
import pytest
from PIL import Image

from jaxcovid import parallel
from jaxcovid.config import Config
from jaxcovid.data import loader
from jaxcovid.data.disk import StoredPixels
from jaxcovid.errors import InputError
from jaxcovid.training import training_data
from jaxcovid.training.training_data import load_training_data, memory_budget


def loaded(folder, cache, **settings):
    return load_training_data(Config(data=str(folder), **settings), cache, lambda items, *_: items)


def test_each_process_reads_its_share_from_disk(image_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    train = loaded(image_folder, tmp_path).splits["train"]
    assert isinstance(train.augmentable, StoredPixels)
    (batch,) = loader.batches(np.arange(12), 12)
    read = []
    for index in range(2):
        monkeypatch.setattr(jax, "process_index", lambda index=index: index)
        (examples,) = loader.read_batches(train, [parallel.process_rows(batch)], augmentable=True)
        assert examples.images.shape[0] == 6
        read += examples.indices.tolist()
    assert read == list(range(12))


@pytest.mark.parametrize(("budget", "kind"), [(1.0, np.ndarray), (0.0, StoredPixels)])
def test_images_are_in_memory_if_they_fit(budget, kind, image_folder, tmp_path):
    train = loaded(image_folder, tmp_path, memory_budget=budget).splits["train"]
    assert isinstance(train.augmentable, kind)


def test_the_settings_choose_images_and_classes(image_folder, tmp_path):
    for split in ("train", "validation"):
        (image_folder / split / "normal").rename(image_folder / split / "pneumonia")
        shutil.copytree(image_folder / split / "covid", image_folder / split / "normal")
    dataset = loaded(image_folder, tmp_path, limit_train=6, merge=("ill=covid+pneumonia",))
    assert dataset.classes == ("ill", "normal")
    assert len(dataset.splits["train"].labels) == 6
    assert np.bincount(dataset.splits["validation"].labels).tolist() == [6, 3]


def test_that_no_patient_is_known_is_told(image_folder, tmp_path):
    (note,) = loaded(image_folder, tmp_path).notes
    assert note.startswith("it is not known which images are of one patient (`patients`)")
    drawn = loaded(image_folder, tmp_path, resplit=True)  # which has a warning on that
    assert not any("each counts as its own" in note for note in drawn.notes)
    patients = tmp_path / "p.csv"
    patients.write_text("class,file,patient\ncovid,train1.png,P1\n")
    assert loaded(image_folder, tmp_path, patients=(patients,)).notes == ()


def test_pictures_that_show_almost_nothing_are_a_warning(image_folder, tmp_path):
    Image.new("L", (40, 30)).save(image_folder / "train" / "covid" / "train1.png")
    said = "train/covid/train1.png shows almost nothing: 1 of 256 grey levels in 95 % of its pixels"
    assert loaded(image_folder, tmp_path).warnings[-1] == said
    for seed in range(4):  # what is left out is not warned of
        few = loaded(image_folder, tmp_path, limit_train=6, seed=seed)
        used = "train/covid/train1.png" in few.splits["train"].paths
        assert (said in few.warnings) == used


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        loaded(tmp_path / "nowhere", tmp_path)


def test_the_budget_is_in_gigabytes_or_half_of_the_memory(monkeypatch):
    assert memory_budget(Config(memory_budget=0.5)) == 5e8
    monkeypatch.setattr(training_data, "half_of_memory", lambda: 7.0)
    assert memory_budget(Config()) == 7.0
