import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxcovid.data.augment import augment, change_contrast, crop_and_resize, random_crop, rotate
from jaxcovid.data.augmentations import GENTLE, STRONG, Augmentation
from tests.conftest import picture


def canvas(image, height=60, width=70):
    pixels = np.asarray(image)
    out = np.full((height, width, 1), 255, np.uint8)  # bright outside, so that a leak shows
    out[: pixels.shape[0], : pixels.shape[1], 0] = pixels
    return jnp.asarray(out), jnp.asarray(pixels.shape, jnp.int32)


@pytest.mark.parametrize("degrees", [0.0, 5.0, 17.3, -29.9, 30.0])
@pytest.mark.parametrize("size", [(70, 60), (41, 33), (12, 50)])
def test_rotation_is_pillows(degrees, size):
    image = picture(0, size)
    pixels, extent = canvas(image)
    got = np.asarray(jax.jit(rotate)(pixels, extent, jnp.float32(degrees)))[: size[1], : size[0], 0]
    expected = np.asarray(image.rotate(degrees, Image.Resampling.NEAREST))
    # A pixel centre that falls between two pixels may be rounded either way.
    assert np.mean(got != expected) < 0.01


@pytest.mark.parametrize("box", [(0, 0, 60, 70), (3, 5, 20, 31), (10, 0, 7, 7), (59, 69, 1, 1)])
@pytest.mark.parametrize("flip", [False, True])
def test_crop_is_pillows_antialiased_resize(box, flip):
    image = picture(1, (70, 60))
    pixels, _ = canvas(image)
    top, left, height, width = box
    corner, extent = jnp.array([top, left]), jnp.array([height, width])
    got = jax.jit(crop_and_resize)(pixels, corner, extent, jnp.asarray(flip))[:, :, 0]
    crop = image.crop((left, top, left + width, top + height))
    expected = np.asarray(crop.resize((224, 224), Image.Resampling.BILINEAR), np.float32)
    if flip:
        expected = expected[:, ::-1]
    # Pillow rounds to 8 bits after each of its two passes.
    np.testing.assert_allclose(got, expected, atol=1.5)


def test_shrinking_is_antialiased():
    image = picture(2, (500, 480))
    pixels, _ = canvas(image, 480, 500)
    got = jax.jit(crop_and_resize)(
        pixels, jnp.array([0, 0]), jnp.array([480, 500]), jnp.asarray(False)
    )
    expected = np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR), np.float32)
    np.testing.assert_allclose(got[:, :, 0], expected, atol=1.5)


def crops(size):
    keys = jax.random.split(jax.random.key(0), 4000)
    return random_crops(keys, jnp.array(size, jnp.int32))


random_crops = jax.jit(jax.vmap(random_crop, (0, None)))  # compiled once for all sizes


@pytest.mark.parametrize("size", [(300, 400), (224, 224), (100, 500), (500, 90), (1, 1), (2, 9)])
def test_crops_lie_inside(size):
    corner, extent = (np.asarray(part) for part in crops(size))
    assert (extent >= 1).all() and (corner >= 0).all()
    assert (corner + extent <= np.array(size)).all()


def test_crop_areas_and_ratios_are_torchvisions():
    _, extent = (np.asarray(part, np.float64) for part in crops((1000, 1000)))
    area = extent.prod(1) / 1e6
    ratio = np.log(extent[:, 1] / extent[:, 0])
    assert area.min() >= 0.079 and area.max() <= 1.0
    assert abs(ratio).max() <= math.log(4 / 3) + 0.01
    # Draws that do not fit are drawn again, so large areas are rarer than uniform, and square.
    assert np.mean(area < 0.54) > 0.55
    assert ratio.mean() == pytest.approx(0, abs=0.02)


FALLBACKS = {(100, 1000): (100, 133), (1000, 100): (133, 100)}


@pytest.mark.parametrize("size", FALLBACKS)
def test_a_shape_no_crop_fits_gives_the_centre(size):
    # Of more draws one that fits would have the same extent by chance.
    corner, extent = (np.asarray(part)[:500] for part in crops(size))
    centred = (extent == np.array(FALLBACKS[size])).all(1)
    assert centred.any()
    np.testing.assert_array_equal(corner[centred], ((np.array(size) - extent[centred]) // 2))


def test_augmentation_depends_on_key_and_image_only():
    pixels, extent = canvas(picture(3, (70, 60)))
    keys = jax.random.split(jax.random.key(0), 3)
    together = jax.jit(jax.vmap(augment))(keys, jnp.stack([pixels] * 3), jnp.stack([extent] * 3))
    assert together.shape == (3, 224, 224, 1)
    alone = jax.jit(augment)
    for key, view in zip(keys, together, strict=True):
        np.testing.assert_allclose(alone(key, pixels, extent), view, atol=1e-3)
    assert not np.allclose(together[0], together[1])
    assert float(together.min()) >= 0 and float(together.max()) <= 255.01


def test_nothing_of_the_canvas_outside_the_image_shows():
    black = Image.new("L", (33, 41))
    pixels, extent = canvas(black)
    views = jax.jit(jax.vmap(lambda key: augment(key, pixels, extent)))(
        jax.random.split(jax.random.key(0), 50)
    )
    assert float(views.max()) == 0


def views(bounds, pixels, extent, count=200):
    keys = jax.random.split(jax.random.key(0), count)
    one = jax.jit(jax.vmap(lambda key: augment(key, pixels, extent, bounds)))
    return np.asarray(one(keys))


WHOLE = Augmentation(rotation=0.0, crop_area=(1.0, 1.0), mirror=0.0, contrast=0.0)


def test_without_any_range_the_image_is_only_scaled():
    image = picture(4, (60, 60))
    pixels, extent = canvas(image)
    expected = np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR), np.float32)
    got = views(WHOLE, pixels, extent, 3)
    # A ratio of sides other than 1 does not fit the whole image, so it falls back to it.
    np.testing.assert_allclose(got[:, :, :, 0], np.stack([expected] * 3), atol=1.5)


def test_mirroring_has_the_probability_asked_for():
    # Left half black, right half white.
    pixels, extent = canvas(Image.fromarray(np.repeat([[0] * 30 + [255] * 30], 60, 0).astype("u1")))
    for probability in (0.0, 0.2, 1.0):
        mirrored = views(WHOLE._replace(mirror=probability), pixels, extent)[:, 0, 0, 0] > 128
        assert mirrored.mean() == pytest.approx(probability, abs=0.08)


def test_contrast_alone_moves_grey_values_away_from_their_mean():
    image = np.full((60, 60), 100, np.uint8)
    image[:30] = 140
    pixels, extent = canvas(Image.fromarray(image))
    got = views(WHOLE._replace(contrast=0.5), pixels, extent)
    means, ranges = got.mean((1, 2, 3)), got.max((1, 2, 3)) - got.min((1, 2, 3))
    np.testing.assert_allclose(means, 120, atol=0.5)
    assert 20 <= ranges.min() < 25 and 55 < ranges.max() <= 60.1


def test_contrast_stays_within_grey_values_and_weighs_colours():
    image = jnp.array([[[255.0, 0, 0], [0, 255, 0]]])
    grey = 255 * (0.2989 + 0.587) / 2
    got = change_contrast(image, jnp.float32(0.5))
    np.testing.assert_allclose(got, 0.5 * image + 0.5 * grey, rtol=1e-5)
    assert (np.asarray(change_contrast(image, jnp.float32(3))) <= 255).all()


def test_gentle_keeps_nearly_all_of_the_image_upright():
    # White above black: turned by at most 10 degrees, the corners tell up from down.
    pixels, extent = canvas(
        Image.fromarray(np.repeat([[255], [0]], 30, 0).repeat(60, 1).astype("u1"))
    )
    got = views(GENTLE, pixels, extent)[:, :, :, 0]
    assert (got[:, 20:60, 112] > 200).all() and (got[:, 170:200, 112] < 60).all()


def test_the_draws_of_an_augmentation_do_not_depend_on_contrast():
    pixels, extent = canvas(picture(5, (60, 60)))
    plain, changed = (
        views(STRONG._replace(contrast=contrast), pixels, extent, 20) for contrast in (0.0, 1e-7)
    )
    np.testing.assert_allclose(plain, changed, atol=1e-2)
