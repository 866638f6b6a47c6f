"""Which images to look at, and how they are drawn."""

import io
from collections.abc import Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image

from jaxcovid.data.loader import MEAN, STD

# Of each class, at most so many of the best and as many of the worst.
EACH = 2

OPACITY = 0.6  # of a heat map where it is hottest


class Choice(NamedTuple):
    """An image to show: its place in the split, and whether it is among the best of its class."""

    place: int
    best: bool


def choose(
    labels: Int[np.ndarray, "n"], probabilities: Float[np.ndarray, "n class"]
) -> list[Choice]:
    """The best and the worst of each class, by the probability of the true class; none twice."""
    chosen = []
    for label in range(probabilities.shape[1]):
        members = np.flatnonzero(labels == label)
        ranked = members[np.argsort(-probabilities[members, label], kind="stable")]
        best = ranked[:EACH]
        worst = ranked[EACH:][::-1][:EACH]
        chosen += [Choice(int(index), True) for index in best]
        chosen += [Choice(int(index), False) for index in worst]
    return chosen


def overlay(
    pixels: UInt8[np.ndarray, "height width channel"], heat: Float[np.ndarray, "rows columns"]
) -> Image.Image:
    """The image under its heat map, coloured where it is warm."""
    image = xray(pixels).convert("RGB")
    scaled = Image.fromarray(np.float32(heat / max(float(heat.max()), 1e-12)))
    warmth = np.asarray(scaled.resize(image.size, Image.Resampling.BICUBIC)).clip(0, 1)
    colours = matplotlib.colormaps["turbo"](warmth)[:, :, :3] * 255
    opacity = OPACITY * warmth[:, :, None]
    mixed = np.asarray(image) * (1 - opacity) + colours * opacity
    # A palette: a third of the bytes, and no difference that an eye could see.
    return Image.fromarray(mixed.astype(np.uint8)).quantize(128)


def beside(
    pixels: UInt8[np.ndarray, "height width channel"], heat: Float[np.ndarray, "rows columns"]
) -> Image.Image:
    """The image, and beside it the same under its heat map."""
    image = xray(pixels).convert("RGB")
    both = Image.new("RGB", (2 * image.width + 4, image.height))
    both.paste(image, (0, 0))
    both.paste(overlay(pixels, heat).convert("RGB"), (image.width + 4, 0))
    return both


def xray(pixels: UInt8[np.ndarray, "height width channel"]) -> Image.Image:
    """The image itself; grey if it has one channel."""
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def mosaic(images: Float[np.ndarray, "n height width channel"], columns: int) -> Image.Image:
    """Normalised images, as a network sees them, in rows."""
    pixels = (images * np.array(STD) + np.array(MEAN)) * 255
    pixels = pixels.clip(0, 255).astype(np.uint8)
    height, width = pixels.shape[1:3]
    rows = -(-len(pixels) // columns)
    canvas = Image.new("RGB", (columns * (width + 2) - 2, rows * (height + 2) - 2), "grey")
    for index, each in enumerate(pixels):
        place = (index % columns * (width + 2), index // columns * (height + 2))
        canvas.paste(Image.fromarray(each), place)
    return canvas.quantize(128)


def png(image: Image.Image) -> bytes:
    """The file of a picture."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def file_name(parts: Sequence[str]) -> str:
    """A name for a file that any system takes, from any names."""
    text = "_".join(parts)
    return "".join(each if each.isalnum() or each in "-_." else "-" for each in text)[:80]
