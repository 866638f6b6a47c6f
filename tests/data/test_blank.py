"""Which pictures show almost nothing, and how they are told."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from jaxcovid.data import images
from jaxcovid.data.blank import few_levels, remark, warning
from tests.conftest import picture
from tests.data.image_files import load_folder


def constant(value, mode="L"):
    return Image.new(mode, (64, 48), value)


def with_pixels(image, count, value=255):
    """The image with so many pixels of a value, the first ones."""
    pixels = np.array(image)
    pixels.reshape(-1)[:count] = value
    return Image.fromarray(pixels)


def of_16_bits(bits):
    """Values of fewer bits as the low ones of 16, as they come to 8."""
    values = np.asarray(picture(1, (64, 48)), np.uint32) << 8 >> (16 - bits)
    return images.to_8bit(Image.fromarray(values.astype(np.uint16)))


def of_levels(count):
    """A picture of all brightnesses, in so many levels."""
    steps = np.asarray(picture(1, (64, 48))) // (256 // count) * (255 // (count - 1))
    return Image.fromarray(steps.astype(np.uint8))


def faint():
    return Image.fromarray((100 + np.asarray(picture(2, (64, 48))) // 10).astype(np.uint8))


def lettered():
    """A page that says that there is no image."""
    page = constant(0)
    ImageDraw.Draw(page).text((10, 20), "none", fill=255)
    return page


BLANK = {
    "black": (lambda: constant(0), 1),
    "white": (lambda: constant(255), 1),
    "one colour": (lambda: constant((200, 30, 90), "RGB"), 1),
    "one hot pixel": (lambda: with_pixels(constant(3), 1), 1),
    "a few hot pixels": (lambda: with_pixels(constant(3), 60), 1),
    "dead pixels on white": (lambda: with_pixels(constant(255), 60, 0), 1),
    "two tones": (lambda: with_pixels(constant(0), 1500), 2),
    "four tones": (lambda: of_levels(4), 4),
    "letters": (lettered, 1),
    "10 bits in 16": (lambda: of_16_bits(10), 4),
    "12 bits in 16": (lambda: of_16_bits(12), 15),
    "12 bits in 16, and hot pixels": (lambda: with_pixels(of_16_bits(12), 100), 16),
    "within 26 levels": (faint, 24),
}
NOT_BLANK = {
    "a picture": lambda: picture(1),
    "in colour": lambda: picture(1, mode="RGB"),
    "dark": lambda: Image.fromarray((np.asarray(picture(1)) // 4).astype(np.uint8)),
    "in a black frame": lambda: with_pixels(picture(1, (64, 48)), 1500, 0),
    "drawn in 16 levels": lambda: of_levels(16),
    "14 bits in 16": lambda: of_16_bits(14),
}


@pytest.mark.parametrize("case", BLANK)
def test_what_shows_almost_nothing_is_counted(case):
    make, levels = BLANK[case]
    assert few_levels(make()) == levels


@pytest.mark.parametrize("case", NOT_BLANK)
def test_what_shows_something_is_not(case):
    assert few_levels(NOT_BLANK[case]()) == 0


def test_the_count_is_of_the_commonest_levels_that_hold_95_percent():
    pixels = np.repeat(np.arange(20, dtype=np.uint8), [900, 50, 20, *[2] * 15, 0, 0])
    assert pixels.size == 1000
    assert few_levels(Image.fromarray(pixels.reshape(25, 40))) == 2
    pixels[0] = 200  # now only 949 of 1,000 are of the two commonest
    assert few_levels(Image.fromarray(pixels.reshape(25, 40))) == 3


SAID = {
    "none": ({"a.png": 0, "b.png": 0}, ""),
    "one": (
        {"a.png": 0, "b.png": 3},
        "b.png shows almost nothing: 3 of 256 grey levels in 95 % of its pixels",
    ),
    "several": (
        {"a.png": 1, "b.png": 0, "c.png": 16, "d.png": 2},
        "a.png shows almost nothing: 1 of 256 grey levels in 95 % of its pixels; so do 2 more of 4 "
        "train images: c.png (16), d.png (2)",
    ),
    "too many to name": (
        {f"{n}.png": 1 for n in range(12)},
        "0.png shows almost nothing: 1 of 256 grey levels in 95 % of its pixels; so do 11 more of "
        f"12 train images: {', '.join(f'{n}.png (1)' for n in range(1, 10))}, 2 more",
    ),
    "a name that steers terminals": (
        {"\x1b[2J.png": 1},
        r"\x1b[2J.png shows almost nothing: 1 of 256 grey levels in 95 % of its pixels",
    ),
}


@pytest.mark.parametrize("case", SAID)
def test_warnings_name_them(case):
    levels, sentence = SAID[case]
    assert warning(levels, "train images") == sentence


def test_an_image_by_itself_is_remarked_on():
    assert remark(0) == ""
    assert remark(2) == "shows almost nothing: 2 of 256 grey levels in 95 % of its pixels"


def test_it_is_known_of_prepared_images_in_memory_and_on_disk(image_folder, tmp_path):
    constant(7).save(image_folder / "train" / "covid" / "train1.png")
    for budget in (0, 1e12, 1e12):  # prepared, read again
        splits = load_folder(image_folder, tmp_path / "cache", memory_budget=budget).splits
        assert splits["train"].few_levels.tolist() == [0, 1, *[0] * 10]
        assert splits["validation"].few_levels.tolist() == [0] * 6
