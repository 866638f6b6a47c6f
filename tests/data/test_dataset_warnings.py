"""What is told of a set of images before it is believed."""

import numpy as np
import pytest

from jaxcovid.data.dataset import Dataset
from jaxcovid.data.dataset_warnings import with_evaluation_warnings, with_training_warnings
from tests.training.small import split

CLASSES = ("covid", "normal", "pneumonia")
ONE, TWO, THREE = "train/covid/0.png", "train/normal/dup.png", "validation/covid/2.png"


def dataset(classes=CLASSES, copies=(), **labels):
    """A split of each name with these labels; `path=label` pairs name the files."""
    splits = {}
    for name, of_split in labels.items():
        named = of_split if isinstance(of_split, dict) else {
            f"{name}/{place}.png": label for place, label in enumerate(of_split)
        }  # fmt: skip
        made = split(np.array(list(named.values()), np.int32))
        splits[name] = made._replace(paths=tuple(named))
    return Dataset("made up", classes, splits, "fingerprint", copies=copies)


ENOUGH = [0, 1, 2] * 5
FILES = {
    "train": {ONE: 0, TWO: 1, "train/covid/1.png": 0, "train/normal/1.png": 1},
    "validation": {THREE: 0, "a": 1},
}

TOLD = {
    "nothing": (dataset(train=ENOUGH, validation=ENOUGH), []),
    "an absent class": (dataset(train=ENOUGH, validation=[0, 1] * 5), ["no validation image of class pneumonia"]),
    "absent from test": (dataset(train=ENOUGH, validation=ENOUGH, test=[2, 2]), ["no test image of class covid, normal"]),
    "one": (
        dataset(train=ENOUGH, validation=[0, *[1] * 5]),
        ["no validation image of class pneumonia", "only one validation image of class covid"],
    ),
    "few to choose by": (
        dataset(train=[0, 0, 1, 1, 2, 2], validation=[0, 0, *[1] * 4, *[2] * 5]),
        ["fewer than 5 validation images of class covid (2), normal (4): too few to choose an epoch or thresholds by"],
    ),
    "unlabelled": (dataset(train=ENOUGH, validation=ENOUGH, test=[-1, -1]), []),
    "two classes": (
        dataset(CLASSES[:2], ((ONE, TWO),), **FILES),
        [f"1 image occurs in two classes, such as {ONE} and {TWO}: look which label is right"],
    ),
    "two splits": (dataset(CLASSES[:2], ((ONE, THREE),), **FILES), [f"1 image(s) occur in two splits, such as {ONE} = {THREE}"]),
    "two of both": (
        dataset(CLASSES[:2], ((ONE, TWO, THREE),), **FILES),
        ["1 image(s) occur in two splits", "1 image occurs in two classes"],
    ),
    "a class": (
        dataset(CLASSES[:2], ((ONE, "train/covid/1.png"),), **FILES),
        [f"1 file is a copy of another of the same class and split, such as train/covid/1.png and {ONE}"],
    ),
    "files that are left out": (dataset(CLASSES[:2], ((ONE, "train/x.png"), ("y", "z")), **FILES), []),
    "alike": (
        dataset(("Normal", "normal", "x "), train=ENOUGH, validation=ENOUGH),
        ["classes 'Normal' and 'normal' differ in case only; if they are one, rename a folder or join them (`merge`)"],
    ),
}  # fmt: skip
SCARCE = "only one validation image of class covid, normal"


@pytest.mark.parametrize("case", TOLD)
def test_what_is_told(case):
    data, expected = TOLD[case]
    told = with_training_warnings(data).warnings
    told = [text for text in told if text != SCARCE]
    assert len(told) == len(expected)
    assert all(text.startswith(part) for text, part in zip(told, expected, strict=True))
    if case not in ("alike", "few to choose by"):  # these are about training
        assert with_evaluation_warnings(data).warnings == with_training_warnings(data).warnings


def test_what_was_told_before_stays():
    data = dataset(train=ENOUGH, validation=[0, 0, 1, 1])._replace(warnings=("late",))
    assert with_training_warnings(data).warnings[0] == "late"
