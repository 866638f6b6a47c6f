import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from jaxcovid.data import folders, images
from jaxcovid.errors import InputError
from tests.conftest import picture


def load(folder, cache, skip=False):
    return folders.load(
        folder, cache, skip_unreadable=skip, memory_budget=1e12, progress=lambda items, *_: items
    )


def test_images_come_back_as_prepared(image_folder, tmp_path):
    dataset = load(image_folder, tmp_path / "cache")
    assert dataset.classes == ("covid", "normal")
    train, validation = dataset.splits["train"], dataset.splits["validation"]
    assert train.labels.tolist() == [0] * 6 + [1] * 6
    assert train.paths[0] == "train/covid/train0.png"
    assert train.augmentable.shape == (12, 30, 40, 1) and train.sizes.tolist() == [[30, 40]] * 12
    assert validation.augmentable.size == 0
    for index, path in enumerate(validation.paths):
        image = images.read(image_folder / path)
        np.testing.assert_array_equal(validation.evaluation[index], images.evaluation_view(image))


def test_second_time_nothing_is_decoded(image_folder, tmp_path, monkeypatch):
    first = load(image_folder, tmp_path / "cache")
    monkeypatch.setattr(images, "read", None)
    again = load(image_folder, tmp_path / "cache")
    assert again.fingerprint == first.fingerprint
    np.testing.assert_array_equal(
        again.splits["train"].augmentable, first.splits["train"].augmentable
    )


def test_changed_content_is_prepared_anew(image_folder, tmp_path):
    first = load(image_folder, tmp_path / "cache")
    picture(99).save(image_folder / "train" / "covid" / "train0.png")
    second = load(image_folder, tmp_path / "cache")
    assert first.fingerprint != second.fingerprint
    assert not np.array_equal(first.splits["train"].evaluation, second.splits["train"].evaluation)


def test_sizes_and_colours_may_differ(image_folder, tmp_path):
    picture(3, (80, 20), "RGB").save(image_folder / "train" / "covid" / "z.png")
    train = load(image_folder, tmp_path / "cache").splits["train"]
    index = train.paths.index("train/covid/z.png")
    assert train.augmentable.shape == (13, 30, 80, 3)
    assert train.sizes[index].tolist() == [20, 80]
    grey = train.augmentable[index - 1]
    np.testing.assert_array_equal(grey[..., 0], grey[..., 2])


def test_unlabelled_test_split(image_folder, tmp_path):
    (image_folder / "TestData").mkdir()
    picture(4).save(image_folder / "TestData" / "x.png")
    test = load(image_folder, tmp_path / "cache").splits["test"]
    assert test.labels.tolist() == [-1] and test.paths == ("TestData/x.png",)


def break_some(folder):
    (folder / "train" / "covid" / "train1.png").write_bytes(b"")
    (folder / "validation" / "normal" / "validation0.png").write_text("<html>")


@pytest.mark.parametrize("prepared_before", [False, True])
def test_unreadable_images_are_listed_at_once(image_folder, tmp_path, prepared_before):
    break_some(image_folder)
    if prepared_before:
        load(image_folder, tmp_path / "cache", skip=True)
    with pytest.raises(InputError) as error:
        load(image_folder, tmp_path / "cache")
    first, second, advice = error.value.problems
    assert "train1.png: the file is empty" in first
    assert "validation0.png: the content is neither PNG nor JPEG" in second
    assert "2 unreadable" in advice and "--skip-unreadable" in advice


@pytest.mark.parametrize("failed_before", [False, True])
def test_skipped_images_are_recorded(image_folder, tmp_path, failed_before):
    break_some(image_folder)
    if failed_before:
        with pytest.raises(InputError):
            load(image_folder, tmp_path / "cache")
    dataset = load(image_folder, tmp_path / "cache", skip=True)
    assert len(dataset.skipped) == 2 and "train1.png" in dataset.skipped[0]
    assert len(dataset.splits["train"].labels) == 11


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_split_of_which_nothing_is_left(image_folder, tmp_path, split):
    for path in (image_folder / split).rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(InputError, match=f"no readable {split}"):
        load(image_folder, tmp_path / "cache", skip=True)


def test_an_interrupted_preparation_leaves_nothing(image_folder, tmp_path, monkeypatch):
    def interrupt(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(images, "read", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load(image_folder, tmp_path / "cache")
    monkeypatch.undo()
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert len(load(image_folder, tmp_path / "cache").splits["train"].labels) == 12


def test_a_damaged_cache_is_told(image_folder, tmp_path):
    load(image_folder, tmp_path / "cache")
    (shard,) = (tmp_path / "cache").rglob("*train*array_record*")
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(InputError, match="delete"):
        load(image_folder, tmp_path / "cache")


def test_a_cache_with_a_missing_file_is_told(image_folder, tmp_path):
    load(image_folder, tmp_path / "cache")
    (found,) = (tmp_path / "cache").rglob("dataset_info.json")
    found.unlink()
    with pytest.raises(InputError, match="damaged"):
        load(image_folder, tmp_path / "cache")


def test_two_runs_may_prepare_the_same_images_at_once(image_folder, tmp_path):
    command = [
        sys.executable,
        "-c",
        "import sys; from pathlib import Path; from jaxcovid.data import folders; "
        "print(len(folders.load(Path(sys.argv[1]), Path(sys.argv[2]), skip_unreadable=False, memory_budget=1e12, "
        "progress=lambda items, *_: items).splits['train'].labels))",
        image_folder,
        tmp_path / "cache",
    ]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [run.communicate()[0].strip() for run in runs] == ["12"] * 3
    (prepared,) = (tmp_path / "cache" / "prepared").iterdir()
    assert not prepared.name.startswith(".")


def test_a_link_that_leads_nowhere_is_unreadable(image_folder, tmp_path):
    (image_folder / "train" / "covid" / "x.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"x\.png: a link that leads nowhere"):
        load(image_folder, tmp_path / "cache")


def test_names_with_odd_characters(image_folder, tmp_path):
    odd = image_folder / "train" / "covid" / "Ünïcode, <b> 'quote'.png"
    Image.new("L", (20, 20)).save(odd)
    train = load(image_folder, tmp_path / "cache").splits["train"]
    assert any(path.endswith(odd.name) for path in train.paths)
