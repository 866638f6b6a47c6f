"""JPEG files are decoded to the very pixels that Pillow gives, or left to Pillow."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from jaxcovid.data import images, png_jpeg
from jaxcovid.data.readable import UnreadableError


def picture(seed, width, height, mode):
    """Smooth with some noise, as X-rays are."""
    generator = np.random.default_rng(seed)
    shape = (height, width, len(Image.new(mode, (1, 1)).getbands()))
    small = generator.integers(0, 256, (4, 4, shape[2]), np.uint8)
    planes = [
        np.asarray(Image.fromarray(small[:, :, band]).resize((width, height)), np.int32)
        for band in range(shape[2])
    ]
    noisy = np.stack(planes, -1) + generator.integers(-9, 9, shape)
    pixels = np.clip(noisy, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels[:, :, 0] if mode == "L" else pixels, mode)


def jpeg(image, **options):
    stream = io.BytesIO()
    image.save(stream, "JPEG", **options)
    return stream.getvalue()


def pillow(content):
    pixels = np.asarray(Image.open(io.BytesIO(content)))
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def decoded(content):
    return png_jpeg.decoded(Image.open(io.BytesIO(content)), content)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 99),
    st.integers(1, 90),
    st.integers(1, 90),
    st.sampled_from(["L", "RGB"]),
    st.integers(1, 100),
    st.sampled_from([0, 1, 2]),
    st.booleans(),
    st.integers(0, 3),
)
def test_pixels_are_those_of_pillow(
    seed, width, height, mode, quality, subsampling, progressive, restarts
):
    options = {"subsampling": subsampling} if mode == "RGB" else {}
    content = jpeg(
        picture(seed, width, height, mode), quality=quality, progressive=progressive,
        restart_marker_blocks=restarts, **options,
    )  # fmt: skip
    np.testing.assert_array_equal(decoded(content), pillow(content))


WHOLE = jpeg(picture(0, 64, 48, "RGB"), quality=80)


@settings(max_examples=300, deadline=None)
@given(st.integers(2, len(WHOLE) - 1), st.integers(0, 7))
def test_a_flipped_bit_gives_the_pixels_of_pillow_or_is_left_to_it(place, bit):
    content = bytearray(WHOLE)
    content[place] ^= 1 << bit
    try:
        image = Image.open(io.BytesIO(bytes(content)), formats=("JPEG",))
        expected = pillow(bytes(content))
    except Exception:  # whatever Pillow raises at a broken file
        return
    found = png_jpeg.decoded(image, bytes(content))
    if found is not None:
        np.testing.assert_array_equal(found, expected)


LEFT = {
    "four inks": jpeg(picture(0, 32, 32, "CMYK")),
    "cut short": WHOLE[:-40],
    "bytes missing inside": WHOLE[:700] + WHOLE[760:],
}


@pytest.mark.parametrize("case", LEFT)
def test_what_is_not_sure_is_left_to_pillow(case):
    content = LEFT[case]
    assert decoded(content) is None


def test_a_png_is_left_to_pillow(tmp_path):
    stream = io.BytesIO()
    picture(0, 20, 20, "L").save(stream, "PNG")
    assert decoded(stream.getvalue()) is None


def test_large_images_are_left_to_pillow(monkeypatch):
    monkeypatch.setattr(png_jpeg, "SMALL", 64 * 48 - 1)
    assert decoded(WHOLE) is None
    monkeypatch.setattr(png_jpeg, "SMALL", 64 * 48)
    assert decoded(WHOLE) is not None


def test_grey_in_colour_is_grey(tmp_path):
    grey = picture(0, 40, 30, "L")
    grey.convert("RGB").save(tmp_path / "grey.jpg", quality=95)
    image = images.read_image(tmp_path / "grey.jpg")
    assert image.mode == "L"
    colour = np.asarray(Image.open(tmp_path / "grey.jpg"))
    np.testing.assert_array_equal(np.asarray(image), colour[:, :, 0])
    picture(1, 40, 30, "RGB").save(tmp_path / "colour.jpg")
    assert images.read_image(tmp_path / "colour.jpg").mode == "RGB"


def test_a_file_that_is_cut_short_is_told(tmp_path):
    (tmp_path / "short.jpg").write_bytes(WHOLE[: len(WHOLE) // 2])
    with pytest.raises(UnreadableError, match="broken or cut short"):
        images.read_image(tmp_path / "short.jpg")
