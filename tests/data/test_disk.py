"""Images that stay on disk give the same batches as images in memory."""

import json

import numpy as np
import pytest

from jaxcovid.data import loader
from jaxcovid.data.dataset import subset
from jaxcovid.data.disk import StoredPixels, pixel_bytes
from jaxcovid.errors import InputError
from tests.conftest import picture
from tests.data.image_files import load_folder


@pytest.fixture
def both(image_folder, tmp_path):
    """The train split of mixed sizes and colours, in memory and on disk."""
    picture(3, (80, 20), "RGB").save(image_folder / "train" / "covid" / "z.png")

    def load(budget):
        return load_folder(image_folder, tmp_path / "cache", memory_budget=budget).splits

    stored = load(0)
    needed = sum(map(pixel_bytes, stored.values()))
    assert isinstance(load(needed - 1)["train"].evaluation, StoredPixels)
    return load(needed), stored


@pytest.mark.parametrize("augmentable", [True, False])
@pytest.mark.parametrize("first", [0, 2])
def test_streaming_gives_the_same_batches_in_the_same_order(both, augmentable, first):
    memory_split, disk_split = (splits["train"] for splits in both)
    assert isinstance(memory_split.augmentable, np.ndarray)
    order = loader.epoch_order(0, 1, 13)
    parts = list(loader.batches(order, 3))[first:]
    one, two = (
        list(loader.read_batches(split, parts, augmentable)) for split in (memory_split, disk_split)
    )
    assert len(one) == len(two) == 5 - first
    for a, b in zip(one, two, strict=True):
        for left, right in zip(a, b, strict=True):
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)


def test_evaluation_splits_have_nothing_to_augment(both):
    for splits in both:
        validation = splits["validation"]
        assert validation.augmentable.shape == (6, 0, 0, 1)
        assert validation.augmentable[np.array([0, 1])].size == 0


def test_a_subset_stays_on_disk(both):
    chosen = np.array([12, 3, 5])
    one, two = (subset(splits["train"], chosen) for splits in both)
    assert isinstance(two.augmentable, StoredPixels)
    assert one.paths == two.paths
    np.testing.assert_array_equal(one.evaluation, two.evaluation[np.arange(3)])


def shrink(cache):
    index = json.loads((cache / "index.json").read_text())
    index["train"] = [[path, label, 10, 10, *rest] for path, label, _, _, *rest in index["train"]]
    (cache / "index.json").write_text(json.dumps(index))


def lengthen(cache):
    index = json.loads((cache / "index.json").read_text())
    index["train"].append(index["train"][0])
    (cache / "index.json").write_text(json.dumps(index))


def overwrite(cache):
    (records,) = cache.rglob("*train.array_record*")
    records.write_bytes(records.read_bytes()[:100] + bytes(records.stat().st_size - 100))


@pytest.mark.parametrize("spoil", [shrink, lengthen, overwrite])
def test_damage_is_an_input_error_also_while_streaming(spoil, image_folder, tmp_path):
    def load():
        return load_folder(image_folder, tmp_path / "cache", memory_budget=0).splits["train"]

    load()
    (prepared,) = (tmp_path / "cache" / "prepared").iterdir()
    spoil(prepared)
    with pytest.raises(
        InputError, match=r"prepared images in .* are damaged .*; delete that folder"
    ):
        list(loader.read_batches(load(), list(loader.batches(np.arange(12), 3)), True))
