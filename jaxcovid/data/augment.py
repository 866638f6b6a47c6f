"""Augmentation inside jit: rotation, random resized crop, flip, contrast.

Same distributions as torchvision's RandomRotation, RandomResizedCrop(224), RandomHorizontalFlip and
ColorJitter; a pure function of a key and an image.
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, UInt8

from jaxcovid.data.augmentations import STRONG, Augmentation

RATIO = (3 / 4, 4 / 3)  # width over height
ATTEMPTS = 10
DRAWS = 16  # of which the first ten count: XLA takes four times as long to compile ten for a CPU
OUTPUT = 224  # pixels
LUMINANCE = (0.2989, 0.587, 0.114)  # of red, green and blue


def augment(
    key: PRNGKeyArray,
    image: UInt8[Array, "height width channel"],
    size: Int[Array, "2"],
    bounds: Augmentation = STRONG,
) -> Float[Array, "224 224 channel"]:
    """One random view, values 0 to 255, of the image in the top left corner of a canvas.

    `size` is the image's height and width in pixels; nothing of the canvas outside of it shows.
    """
    angle_key, crop_key, flip_key = jax.random.split(key, 3)
    most = bounds.rotation
    angle = jax.random.uniform(angle_key, (), jnp.float32, -most, most)
    corner, extent = random_crop(crop_key, size, bounds.crop_area)
    flip = jax.random.bernoulli(flip_key, bounds.mirror)
    view = crop_and_resize(rotate(image, size, angle), corner, extent, flip)
    if not bounds.contrast:
        return view
    # A key besides the three, so that these draw as without it.
    contrast_key, most = jax.random.fold_in(key, 3), bounds.contrast
    return change_contrast(
        view, jax.random.uniform(contrast_key, (), jnp.float32, 1 - most, 1 + most)
    )


def rotate(
    image: UInt8[Array, "height width channel"], size: Int[Array, "2"], degrees: Float[Array, ""]
) -> UInt8[Array, "height width channel"]:
    """The canvas with its image turned counter-clockwise about the image's centre.

    `size` is the image's height and width in pixels. As Pillow's Image.rotate with NEAREST: what
    comes from outside the image is black.
    """
    height, width = size.astype(jnp.float32)
    cosine, sine = jnp.cos(jnp.deg2rad(degrees)), jnp.sin(jnp.deg2rad(degrees))
    y = (jnp.arange(image.shape[0], dtype=jnp.float32) + 0.5)[:, None] - height / 2
    x = (jnp.arange(image.shape[1], dtype=jnp.float32) + 0.5)[None, :] - width / 2
    source_x = jnp.floor(cosine * x - sine * y + width / 2).astype(jnp.int32)
    source_y = jnp.floor(sine * x + cosine * y + height / 2).astype(jnp.int32)
    inside = (source_x >= 0) & (source_x < size[1]) & (source_y >= 0) & (source_y < size[0])
    pixels = image[source_y.clip(0, size[0] - 1), source_x.clip(0, size[1] - 1)]
    return jnp.where(inside[:, :, None], pixels, jnp.uint8(0))


def random_crop(
    key: PRNGKeyArray,
    size: Int[Array, "2"],
    area_range: tuple[float, float] = STRONG.crop_area,
) -> tuple[Int[Array, "2"], Int[Array, "2"]]:
    """A random box in an image of that height and width: its (top, left) and (height, width).

    All in pixels; `area_range` bounds its area as a share of the image's. The first of ten tries
    that fits, else the largest centred box of an allowed shape; drawn as by torchvision's
    RandomResizedCrop.get_params.
    """
    area_key, ratio_key, corner_key = jax.random.split(key, 3)
    height, width = size.astype(jnp.float32)
    shares = jax.random.uniform(area_key, (DRAWS,), jnp.float32, *area_range)[:ATTEMPTS]
    area = height * width * shares
    low, high = (math.log(ratio) for ratio in RATIO)
    ratio = jnp.exp(jax.random.uniform(ratio_key, (DRAWS,), jnp.float32, low, high)[:ATTEMPTS])
    tries = jnp.stack([jnp.round(jnp.sqrt(area / ratio)), jnp.round(jnp.sqrt(area * ratio))], 1)
    tries = tries.astype(jnp.int32)
    fits = ((tries > 0) & (tries <= size[None])).all(1)

    shape = width / height
    fallback = jnp.where(
        shape < RATIO[0],
        jnp.stack([jnp.round(width / RATIO[0]), width]),
        jnp.where(
            shape > RATIO[1],
            jnp.stack([height, jnp.round(height * RATIO[1])]),
            jnp.stack([height, width]),
        ),
    ).astype(jnp.int32)
    extent = jnp.where(fits.any(), tries[fits.argmax()], fallback)
    random_corner = jax.random.randint(corner_key, (2,), 0, size - extent + 1)
    return jnp.where(fits.any(), random_corner, (size - extent) // 2), extent


def crop_and_resize(
    image: UInt8[Array, "height width channel"],
    corner: Int[Array, "2"],
    extent: Int[Array, "2"],
    flip: Bool[Array, ""],
) -> Float[Array, "224 224 channel"]:
    """A box of an image scaled to 224 x 224, values 0 to 255, perhaps mirrored left to right.

    `corner` is (top, left), `extent` (height, width), in pixels. As Pillow's antialiased BILINEAR
    resize (but without rounding to 8 bits), as two small matrix products.
    """
    rows = _resize_matrix(image.shape[0], corner[0], extent[0])
    columns = _resize_matrix(image.shape[1], corner[1], extent[1])
    columns = jnp.where(flip, columns[::-1], columns)
    narrow = jnp.einsum("hwc,qw->hqc", image.astype(jnp.float32), columns)
    return jnp.einsum("hqc,ph->pqc", narrow, rows)


def change_contrast(
    image: Float[Array, "height width channel"], factor: Float[Array, ""]
) -> Float[Array, "height width channel"]:
    """Grey values 0 to 255 moved away from their mean by a factor, or towards it if below 1.

    As torchvision's adjust_contrast, on images whose channels weigh as in its rgb_to_grayscale.
    """
    grey = image @ jnp.array(LUMINANCE) if image.shape[2] == 3 else image
    mean = grey.mean()
    return jnp.clip(mean + factor * (image - mean), 0, 255)


def _resize_matrix(
    length: int, start: Int[Array, ""], extent: Int[Array, ""]
) -> Float[Array, "224 length"]:
    """Weights of the input pixels for each output pixel: a triangle as wide as the scale."""
    scale = extent.astype(jnp.float32) / OUTPUT
    centre = (jnp.arange(OUTPUT, dtype=jnp.float32) + 0.5) * scale
    position = jnp.arange(length, dtype=jnp.int32) - start
    distance = jnp.abs(position.astype(jnp.float32)[None, :] + 0.5 - centre[:, None])
    weights = jnp.maximum(1 - distance / jnp.maximum(scale, 1), 0)
    inside = (position >= 0) & (position < extent)
    weights = jnp.where(inside[None, :], weights, 0)
    return weights / weights.sum(1, keepdims=True)
