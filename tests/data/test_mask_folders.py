"""Masks beside images are told from images, and from classes that are called so."""

from pathlib import Path

import pytest

from jaxcovid.data.layout import scan
from jaxcovid.data.mask_folders import masks_apart
from tests.data.image_files import write_pictures

ROOT = Path("/xrays")

CASES = {  # files, those of them that are masks
    "COVID-QU-Ex": (("COVID-19/images/1.png", "COVID-19/lung masks/1.png", "COVID-19/infection masks/1.png"), {1, 2}),
    "Radiography": (("COVID/images/COVID-1.png", "COVID/masks/COVID-1.png"), {1}),
    "beside the image": (("a/1.png", "a/Masks/1.png"), {1}),
    "another suffix": (("a/images/1.jpg", "a/mask/1.png"), {1}),
    "called a mask": (("a/1.png", "a/lungVAE-masks/1_mask.png"), {1}),
    "below it": (("a/images/1.png", "a/masks/left/1.png"), {1}),
    "without an image": (("a/1.png", "a/masks/2.png"), set()),
    "a class": (("mask/1.png", "no mask/2.png"), set()),
    "unmasked": (("a/1.png", "unmasked/1.png"), set()),
    "of another class": (("a/images/1.png", "b/masks/1.png"), set()),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_which_are_masks(case):
    names, expected = CASES[case]
    paths = [ROOT / name for name in names]
    apart = masks_apart(paths, ROOT)
    assert apart.masks == tuple(path for n, path in enumerate(paths) if n in expected)
    assert apart.images == tuple(path for n, path in enumerate(paths) if n not in expected)


def test_a_root_called_so_makes_no_mask():
    root = Path("/masks")
    assert not masks_apart([root / "a/1.png", root / "b/1.png"], root).masks


def test_masks_are_ignored_and_named(tmp_path):
    names = [
        f"{split}/{label}/{kind}/{split}{label}{number}.png"
        for split in ("train", "val")
        for label in "ab"
        for kind in ("images", "lung masks")
        for number in (1, 2)
    ]
    layout = scan(write_pictures(tmp_path, *names))
    assert len(layout.files) == len(layout.ignored) == 8
    assert {file.path.parent.name for file in layout.files} == {"images"}
    assert layout.classes == ("a", "b")
