import numpy as np
import pytest

from jaxcovid.config import Config
from jaxcovid.data.dataset import Dataset
from jaxcovid.errors import InputError
from jaxcovid.training.sampling import sampling_groups
from tests.training.small import split

LABELS = np.array([0, 0, 1, 1, 1, 0], np.int32)


def dataset(sources=()):
    columns = {"train": {"source": tuple(sources)}} if sources else {}
    return Dataset("made up", ("a", "b"), {"train": split(LABELS)}, "", columns=columns)


def groups(sampling, sources=()):
    return sampling_groups(Config(sampling=sampling), dataset(sources))


def test_images_classes_or_classes_of_sources_are_drawn_alike():
    assert groups("as-is") is None
    np.testing.assert_array_equal(groups("balanced"), LABELS)
    of_sources = groups("balanced-by-source", "xxyxyx")
    assert of_sources.tolist() == [0, 0, 2, 1, 2, 0]


def test_unknown_sources_are_asked_for():
    with pytest.raises(InputError, match="no column says which source"):
        groups("balanced-by-source")
    with pytest.raises(
        InputError, match=r"2 training image\(s\) are of no known source, such as 1"
    ):
        groups("balanced-by-source", ("x", "", "y", "y", "", "x"))
