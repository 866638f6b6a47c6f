"""What is done to every image before a network sees it: how it is made square, and its greys."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from PIL import Image

from jaxcovid.config import Fit, Intensity

RESIZE, CROP = 256, 224  # sides in pixels

# Grey values at which a standardised image has its mean and one standard deviation: those that
# ImageNet's images have, over their three colours.
MEAN_GREY, DEVIATION = 114.5, 57.6


class Preparation(NamedTuple):
    """The settings of these names; the first of each are torchvision's."""

    fit: Fit = "crop"
    intensity: Intensity = "as-is"


AS_TORCHVISION = Preparation()


def square(image: Image.Image, fit: Fit) -> Image.Image:
    """What a network is given of an image: 224 x 224 pixels, scaled bilinearly.

    crop: the centre of the image at 256 pixels of its shorter side, as torchvision's Resize(256)
    and CenterCrop(224). pad: all of it at 224 of its longer side, the rest black. squash: all of
    it, its sides scaled by themselves, as Resize((224, 224)).
    """
    if fit == "crop":
        short = min(image.size)
        width, height = (int(RESIZE * side / short) for side in image.size)
        left, top = round((width - CROP) / 2), round((height - CROP) / 2)
        scaled = image.resize((width, height), Image.Resampling.BILINEAR)
        return scaled.crop((left, top, left + CROP, top + CROP))
    return whole_square(image, fit, CROP, Image.Resampling.BILINEAR)


def whole_square(
    image: Image.Image, fit: Fit, side: int, sampling: Image.Resampling
) -> Image.Image:
    """All of an image in a square of so many pixels: padded with black, or squashed."""
    if fit == "squash":
        return image.resize((side, side), sampling)
    scale = side / max(image.size)
    width, height = (max(round(length * scale), 1) for length in image.size)
    canvas = Image.new(image.mode, (side, side))
    canvas.paste(
        image.resize((width, height), sampling), ((side - width) // 2, (side - height) // 2)
    )
    return canvas


def seen_share(size: tuple[int, int], fit: Fit) -> float:
    """The share of an image of that width and height that `square` keeps."""
    left, top, right, bottom = seen_box(size, fit)
    return (right - left) * (bottom - top) / (size[0] * size[1])


def seen_box(size: tuple[int, int], fit: Fit) -> tuple[float, float, float, float]:
    """The left, top, right and lower edge of what `square` keeps, in pixels of the image."""
    width, height = size
    if fit != "crop":
        return 0, 0, width, height
    half = CROP / RESIZE * min(size) / 2
    return width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half


def with_intensity(image: Image.Image, intensity: Intensity) -> Image.Image:
    """An image of mode L or RGB with its grey values moved, alike in all channels.

    standardise: to one mean and standard deviation in all images, cut off at black and white.
    equalise: all grey values equally common, as Pillow's ImageOps.equalize.
    """
    if intensity == "as-is":
        return image
    counts = np.array(image.convert("L").histogram())
    moved = _equalised(counts) if intensity == "equalise" else _standardised(counts)
    return image.point([int(value) for value in moved] * len(image.getbands()))


def _standardised(counts: Int[np.ndarray, "256"]) -> Float[np.ndarray, "256"]:
    """Where each grey value goes, by how many pixels have it."""
    levels = np.arange(256.0)
    mean = (counts * levels).sum() / counts.sum()
    deviation = np.sqrt((counts * (levels - mean) ** 2).sum() / counts.sum())
    if deviation == 0:
        return levels
    return np.clip(np.rint(MEAN_GREY + (levels - mean) * DEVIATION / deviation), 0, 255)


def _equalised(counts: Int[np.ndarray, "256"]) -> Float[np.ndarray, "256"]:
    present = np.flatnonzero(counts)
    step = int(counts.sum() - counts[present[-1]]) // 255
    if len(present) < 2 or step == 0:
        return np.arange(256.0)
    below = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return np.minimum((step // 2 + below) // step, 255).astype(float)
