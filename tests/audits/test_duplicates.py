"""Every kind of copy that is planted is found, and nothing else."""

import json

import numpy as np
import pytest
from PIL import Image, ImageOps

from jaxcovid.audits.duplicates import Pair, alike, duplicates
from jaxcovid.audits.views import miniatures_of
from tests.audits.made_up import dataset, recompressed, split, xray

COPIES = {  # what becomes of the picture, what it is called
    "equal": (lambda picture: picture, "equal"),
    "recompressed": (recompressed, "copy"),
    "half as large": (lambda picture: picture.resize((48, 48)), "copy"),
    "larger": (lambda picture: picture.resize((300, 300)), "copy"),
    "other greys": (lambda picture: picture.point(lambda grey: 255 * (grey / 255) ** 0.8), "copy"),
    "mirrored": (ImageOps.mirror, "mirrored"),
    "mirrored and recompressed": (lambda picture: recompressed(ImageOps.mirror(picture)), "mirrored"),
    "inverted": (ImageOps.invert, "inverted"),
    "inverted and mirrored": (lambda picture: ImageOps.invert(ImageOps.mirror(picture)), "inverted"),
}  # fmt: skip


def checked(train, validation, labels=None, **options):
    splits = {
        "train": split("train", train, labels or [0] * len(train)),
        "validation": split("validation", validation, [0] * len(validation)),
    }
    data = dataset(splits, **options)
    pairs = alike(np.concatenate([miniatures_of(of_split) for of_split in splits.values()]))
    return duplicates(data, pairs)


@pytest.mark.parametrize("case", COPIES)
def test_a_copy_is_found(case):
    change, kind = COPIES[case]
    train = [xray(number) for number in range(6)]
    check = checked(train, [xray(10), change(train[3]), xray(11)])
    (pair,) = check["found"]
    assert (pair["kind"], pair["across"], check["passed"]) == (kind, ["splits"], False)
    assert [pair[side]["path"] for side in ("one", "other")] == [
        "train/clear/3.png",
        "validation/clear/1.png",
    ]
    assert pair["correlation"] >= 0.97
    json.dumps(check, allow_nan=False)


def test_other_patients_are_no_copies():
    check = checked(
        [xray(number) for number in range(20)], [xray(number) for number in range(20, 30)]
    )
    assert check == {"passed": True, "pairs": 0, "found": []}


ACROSS = {  # labels of the pair, patients of the pair, what it is across
    "nothing": ([0, 0], ("p", "p"), []),
    "classes": ([0, 1], ("p", "p"), ["classes"]),
    "patients": ([0, 0], ("p", "q"), ["patients"]),
    "unknown patients": ([0, 0], (None, "q"), []),
    "both": ([1, 0], ("p", "q"), ["classes", "patients"]),
}


@pytest.mark.parametrize("case", ACROSS)
def test_what_a_pair_is_across(case):
    labels, patients, across = ACROSS[case]
    check = checked(
        [xray(1), xray(1)], [xray(2)], labels, patients={"train": patients, "validation": ("z",)}
    )
    (pair,) = check["found"]
    assert (pair["across"], check["passed"]) == (across, not across)


def test_the_worst_come_first():
    train = [xray(1), xray(1), xray(2), xray(3), xray(3)]
    check = checked(train, [xray(2)], [0, 0, 0, 0, 1])
    assert [pair["across"] for pair in check["found"]] == [["splits"], ["classes"], []]
    assert check["pairs"] == 3


def test_pictures_of_one_grey_are_like_none():
    greys = [Image.new("L", (64, 64), grey) for grey in (0, 0, 128, 255)]
    assert checked(greys, greys)["found"] == []


def test_of_no_or_one_image():
    for count in (0, 1):
        assert alike(np.zeros((count, 64, 64), np.uint8)) == []


def test_more_images_than_are_compared_at_once(monkeypatch):
    rng = np.random.default_rng(0)
    miniatures = rng.integers(0, 256, (50, 64, 64), np.uint8)
    miniatures[[7, 30, 49]] = miniatures[3]
    monkeypatch.setattr("jaxcovid.audits.duplicates.ROWS", 8)
    monkeypatch.setattr("jaxcovid.audits.duplicates.PAIRS", 2)
    miniatures[30] ^= 1  # nearly equal
    places = [(3, 7), (3, 30), (3, 49)]  # equal ones with the first alone
    pairs = alike(miniatures)
    assert [pair[:2] for pair in pairs] == places
    assert {pair.kind for pair in pairs} == {"copy"}
    assert isinstance(pairs[0], Pair) and pairs[0].correlation == pytest.approx(1)


def test_a_hundred_equal_images_make_a_hundred_pairs():
    check = checked([xray(1)] * 60, [xray(1)] * 40)
    assert len(check["found"]) == check["pairs"] == 99
    assert sum(pair["across"] == ["splits"] for pair in check["found"]) == 40
