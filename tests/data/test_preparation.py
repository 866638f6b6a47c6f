import numpy as np
import pytest
from PIL import Image, ImageOps

from jaxcovid.data import images
from jaxcovid.data.preparation import (
    AS_TORCHVISION,
    CROP,
    DEVIATION,
    MEAN_GREY,
    Preparation,
    seen_box,
    seen_share,
    square,
    with_intensity,
)
from tests.conftest import picture

WIDE = Image.fromarray(np.full((100, 200), 200, np.uint8))


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("fit", ["crop", "pad", "squash"])
@pytest.mark.parametrize("size", [(300, 200), (200, 300), (224, 224), (1, 50), (1000, 3)])
def test_every_fit_gives_a_square(fit, size, mode):
    assert square(picture(0, size, mode), fit).size == (CROP, CROP)
    record = images.prepare(picture(0, size, mode), 0, "a.png", 320, Preparation(fit))
    assert record.evaluation.shape[:2] == (CROP, CROP)
    height, width = record.augmentable.shape[:2]
    assert fit == "crop" or height == width == min(320, max(size))


def test_padding_keeps_the_shape_and_adds_black():
    pixels = np.asarray(square(WIDE, "pad"))
    assert (pixels[56:168] == 200).all()
    assert not pixels[:56].any() and not pixels[168:].any()


def test_squashing_is_a_resize_to_a_square():
    image = picture(1, (300, 200))
    expected = image.resize((CROP, CROP), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(square(image, "squash"), expected)


@pytest.mark.parametrize(("size", "share"), [((224, 224), 0.766), ((400, 200), 0.383)])
def test_what_a_crop_keeps_is_known(size, share):
    assert seen_share(size, "crop") == pytest.approx(share, abs=1e-3)
    assert seen_share(size, "pad") == seen_share(size, "squash") == 1
    # A picture that is white inside of the box and black outside is white in the crop.
    left, top, right, bottom = seen_box(size, "crop")
    assert (left + right, top + bottom) == size
    inside = np.zeros(size[::-1], np.uint8)
    inside[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = 255
    cropped = np.asarray(square(Image.fromarray(inside), "crop"))
    assert cropped[3:-3, 3:-3].min() == 255 and (inside == 0).mean() > 1 - share - 0.02


@pytest.mark.parametrize("seed", range(3))
def test_equalising_is_pillows(seed):
    grey = picture(seed, (60, 50)).point(lambda value: value // 3 + 20)
    expected = np.asarray(ImageOps.equalize(grey))
    np.testing.assert_array_equal(np.asarray(with_intensity(grey, "equalise")), expected)
    # Colours whose luminance is that grey are moved by the same table.
    colour = with_intensity(Image.merge("RGB", [grey] * 3), "equalise")
    np.testing.assert_array_equal(np.asarray(colour), np.stack([expected] * 3, -1))


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_standardising_gives_one_mean_and_deviation(mode):
    dim = picture(2, (60, 50)).point(lambda value: value // 5 + 60).convert(mode)
    grey = np.asarray(with_intensity(dim, "standardise").convert("L"), float)
    assert grey.mean() == pytest.approx(MEAN_GREY, abs=1.5)
    assert grey.std() == pytest.approx(DEVIATION, rel=0.05)


@pytest.mark.parametrize("intensity", ["as-is", "standardise", "equalise"])
def test_an_image_of_one_grey_value_stays(intensity):
    np.testing.assert_array_equal(with_intensity(WIDE, intensity), WIDE)


def test_the_miniature_is_of_the_image_as_it_comes():
    image = picture(3, (60, 50)).point(lambda value: value // 4)
    plain, changed = (
        images.prepare(image, 0, "a.png", 320, preparation)
        for preparation in (AS_TORCHVISION, Preparation("pad", "equalise"))
    )
    np.testing.assert_array_equal(plain.miniature, changed.miniature)
    assert changed.evaluation.max() > 200 > plain.evaluation.max()
    np.testing.assert_array_equal(
        changed.evaluation, images.evaluation_view(image, Preparation("pad", "equalise"))
    )
