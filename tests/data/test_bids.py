"""Images with DICOM's tags in a .json beside them."""

import json

import numpy as np
import pytest
from PIL import Image

from jaxcovid.data import bids, images
from jaxcovid.data.fingerprints import fingerprint
from jaxcovid.data.folders import listed_folder, load_listed
from jaxcovid.data.layout import scan

NAME = "sub-S1_ses-E1_vp-pa_dx.png"


def beside(path, **tags):
    """A .json beside the image with these values by the numbers of tags."""
    content = {
        number.removeprefix("n"): {"vr": "CS", "Value": [value]} for number, value in tags.items()
    }
    path.with_suffix(".json").write_text(json.dumps(content))


def ramp(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.linspace(0, 65535, 40 * 30).reshape(30, 40).astype(np.uint16)
    Image.fromarray(pixels).save(path)
    return path


def test_what_is_white_where_others_are_black_is_inverted(tmp_path):
    path = ramp(tmp_path / NAME)
    plain = np.asarray(images.read_image(path))
    beside(path, n00280004="MONOCHROME2")
    assert (np.asarray(images.read_image(path)) == plain).all()
    beside(path, n00280004="MONOCHROME1")
    assert (np.asarray(images.read_image(path)) == 255 - plain).all()
    other = ramp(tmp_path / "1.png")  # not named as BIDS has it
    beside(other, n00280004="MONOCHROME1")
    assert (np.asarray(images.read_image(other)) == plain).all()


BAD = {
    "no JSON": "{",
    "a list": "[]",
    "no value": '{"00280004": {"vr": "CS"}}',
    "no element": '{"00280004": "MONOCHROME1"}',
    "an empty value": '{"00280004": {"Value": []}}',
    "NaN": '{"00280004": {"Value": [NaN]}}',
}


@pytest.mark.parametrize("case", BAD)
def test_what_says_nothing_changes_nothing(case, tmp_path):
    path = ramp(tmp_path / NAME)
    path.with_suffix(".json").write_text(BAD[case])
    assert not bids.is_inverted(path)


def test_other_pixels_are_other_data(tmp_path):
    for place in range(4):
        for label in "ab":
            ramp(tmp_path / "data/train" / label / f"sub-{label}{place}_dx.png")
            ramp(tmp_path / "data/val" / label / f"sub-v{label}{place}_dx.png")
    before = fingerprint(scan(tmp_path / "data"), tmp_path / "data")[0]
    beside(tmp_path / "data/train/a/sub-a1_dx.png", n00280004="MONOCHROME2")
    assert fingerprint(scan(tmp_path / "data"), tmp_path / "data")[0] == before
    beside(tmp_path / "data/train/a/sub-a1_dx.png", n00280004="MONOCHROME1", n00080070="Maker")
    assert fingerprint(scan(tmp_path / "data"), tmp_path / "data")[0] != before
    dataset = load_listed(
        listed_folder(tmp_path / "data", None, again=False), tmp_path / "cache", skip_unreadable=False,
        memory_budget=1e12, progress=lambda items, *_: items,
    )  # fmt: skip
    assert dataset.notes == (
        "read from the tags of 1 .json file(s) beside images: manufacturer",
        "1 image(s) inverted, as the .json beside says (MONOCHROME1): train/a/sub-a1_dx.png",
        "15 image(s) have no readable .json beside, as others have, so it is not known whether they are "
        "inverted: train/a/sub-a0_dx.png, train/a/sub-a2_dx.png, train/a/sub-a3_dx.png, ...",
    )
    train = dataset.splits["train"]
    first, second = (train.paths.index(f"train/a/sub-a{place}_dx.png") for place in (0, 1))
    assert (train.evaluation[first] == 255 - train.evaluation[second]).all()
