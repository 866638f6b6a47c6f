import hashlib

import numpy as np
import pytest

from jaxcovid.data import phantom, sources


def test_pictures_are_always_the_same():
    """Update the digest only when the drawing is meant to change, and raise phantom.VERSION."""
    pixels = np.stack([phantom.draw(label, 3) for label in range(3)])
    assert hashlib.sha256(pixels.tobytes()).hexdigest()[:16] == GOLDEN


GOLDEN = "3f6fbaedf6ef9b3e"


@pytest.fixture(scope="module")
def dataset(own_cache):
    return sources.phantoms(own_cache)


def test_splits_share_no_image(dataset):
    images = [image.tobytes() for split in dataset.splits.values() for image in split.evaluation]
    assert len(set(images)) == len(images) == 3 * sum(phantom.SIZES.values())


def test_classes_are_balanced_and_brightness_gives_nothing_away(dataset):
    train = dataset.splits["train"]
    assert np.bincount(train.labels).tolist() == [80, 80, 80]
    brightness = train.evaluation.mean((1, 2, 3))
    means = [brightness[train.labels == label].mean() for label in range(3)]
    assert np.ptp(means) < brightness.std()
