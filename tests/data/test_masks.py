import numpy as np
import pytest
from PIL import Image

from jaxcovid.data.masks import read_masks
from jaxcovid.errors import InputError


def mask(path, left):
    pixels = np.zeros((100, 100), np.uint8)
    pixels[:, :left] = 255
    Image.fromarray(pixels).save(path)


def test_masks_are_cropped_as_images_are(tmp_path):
    mask(tmp_path / "a.png", 50)
    mask(tmp_path / "b.png", 100)
    masks = read_masks(tmp_path, ["b.png", "a.png"])
    assert masks.shape == (2, 224, 224) and masks[0].all()
    assert masks[1, :, :110].all() and not masks[1, :, 114:].any()


@pytest.mark.parametrize("paths", [(), ("", "")], ids=str)
def test_without_masks(paths, tmp_path):
    assert read_masks(tmp_path, paths) is None


def test_all_that_is_wrong_is_told(tmp_path):
    mask(tmp_path / "a.png", 50)
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(InputError) as caught:
        read_masks(tmp_path, ["a.png", "none.png", "", "bad.png"])
    none, empty, bad = caught.value.problems
    assert none.startswith("`patients`: column mask, none.png: there is no such file")
    assert "an empty cell" in empty and "bad.png: the content is neither" in bad
