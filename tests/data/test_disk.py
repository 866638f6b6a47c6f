"""Images that stay on disk give the same batches as images in memory."""

import errno

import numpy as np
import pytest

from jaxcovid.data import loader
from jaxcovid.data.dataset import subset
from jaxcovid.data.disk import DamagedError, StoredPixels, damage_as_input_error, pixel_bytes
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


def overwrite(cache):
    (records,) = cache.rglob("*train.array_record*")
    records.write_bytes(records.read_bytes()[:100] + bytes(records.stat().st_size - 100))


def test_damage_is_an_input_error_while_streaming(image_folder, tmp_path):
    def load():
        return load_folder(image_folder, tmp_path / "cache", memory_budget=0).splits["train"]

    train = load()
    (prepared,) = (tmp_path / "cache" / "prepared").iterdir()
    overwrite(prepared)
    with pytest.raises(
        InputError, match=r"prepared images in .* are damaged .*; delete that folder"
    ):
        list(loader.read_batches(train, list(loader.batches(np.arange(12), 3)), True))


PASSING = {
    "a stale handle": OSError(errno.ESTALE, "Stale file handle"),
    "in the words of a library": RuntimeError("INTERNAL: pread failed: Input/output error [5]"),
    "no memory": MemoryError(),
}


@pytest.mark.parametrize("case", PASSING)
def test_what_could_not_be_read_is_not_called_damaged(case, tmp_path):
    message = r"cannot be read \(.+\); try again"
    with pytest.raises(InputError, match=message) as error, damage_as_input_error(tmp_path):
        raise PASSING[case]
    assert not isinstance(error.value, DamagedError)
