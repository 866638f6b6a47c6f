import numpy as np
import pytest

from jaxcovid.data.dataset import Dataset, Split
from jaxcovid.data.merge import merged
from jaxcovid.errors import InputError

CLASSES = ("normal", "covid-19", "pneumonia")  # as TFDS may have them: not sorted
INFECTED = "infected=covid-19+pneumonia"


@pytest.fixture
def dataset():
    labels = np.array([0, 1, 2, 2, -1], np.int32)
    split = Split(*[np.zeros((5, 0))] * 3, labels, tuple("abcde"), np.zeros((5, 0)))
    return Dataset("x", CLASSES, {"train": split, "test": split}, "f")


CASES = {
    "nothing": ((), CLASSES, [0, 1, 2, 2, -1]),
    "two of three": ((INFECTED,), ("infected", "normal"), [1, 0, 0, 0, -1]),
    "spaces": ((" infected = covid-19 + pneumonia",), ("infected", "normal"), [1, 0, 0, 0, -1]),
    "into one of them": (("normal=covid-19",), ("normal", "pneumonia"), [0, 0, 1, 1, -1]),
    "a new name": (("covid=covid-19",), ("covid", "normal", "pneumonia"), [1, 0, 2, 2, -1]),
}


@pytest.mark.parametrize("case", CASES)
def test_merged(case, dataset):
    specifications, classes, labels = CASES[case]
    got = merged(dataset, specifications)
    assert got.classes == classes
    for split in got.splits.values():
        assert split.labels.tolist() == labels and split.labels.dtype == np.int32


BAD = {
    "unknown": (("infected=covid-19+flu",), "'flu' in .* is no class of x"),
    "no name": (("=covid-19",), "write new=class.class"),
    "no classes": (("infected",), "'' in 'infected' is no class"),
    "twice": ((INFECTED, "sick=pneumonia"), "'pneumonia' is joined twice"),
    "all": (("all=covid-19+pneumonia+normal",), "only 'all' is left"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_joined_is_refused(case, dataset):
    specifications, message = BAD[case]
    with pytest.raises(InputError, match=message):
        merged(dataset, specifications)
