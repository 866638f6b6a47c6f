"""X-rays as pictures: with a heat map over them, beside each other, in a mosaic."""

import base64
import io
from collections.abc import Sequence

import matplotlib
import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from jaxcovid.data.loader import MEAN, STD

OPACITY = 0.6  # of a heat map where it is hottest

# How much darker it is outside of a frame, and the frame's colour.
OUTSIDE, FRAME = 3, (255, 160, 0)


def overlay(
    pixels: UInt8[np.ndarray, "height width channel"], heat: Float[np.ndarray, "rows columns"]
) -> Image.Image:
    """An X-ray under its heat map, coloured where that is warm, in a palette of 128 colours.

    `pixels` are 0 to 255, of one channel or three. `heat` is not negative, of any scale (its
    largest value is drawn hottest) and any size: it is stretched over the image.
    """
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
    """An X-ray, and to its right its `overlay`: one picture, twice as wide and 4 pixels more."""
    image = xray(pixels).convert("RGB")
    both = Image.new("RGB", (2 * image.width + 4, image.height))
    both.paste(image, (0, 0))
    both.paste(overlay(pixels, heat).convert("RGB"), (image.width + 4, 0))
    return both


def xray(pixels: UInt8[np.ndarray, "height width channel"]) -> Image.Image:
    """Pixels of 0 to 255 as a picture: grey if they have one channel, RGB if three."""
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def mosaic(images: Float[np.ndarray, "n height width channel"], columns: int) -> Image.Image:
    """Images normalised by ImageNet's mean and deviation, side by side in rows of `columns`.

    Grey lines of 2 pixels lie between them; the picture has a palette of 128 colours.
    """
    pixels = (images * np.array(STD) + np.array(MEAN)) * 255
    pixels = pixels.clip(0, 255).astype(np.uint8)
    height, width = pixels.shape[1:3]
    rows = -(-len(pixels) // columns)
    canvas = Image.new("RGB", (columns * (width + 2) - 2, rows * (height + 2) - 2), "grey")
    for index, image in enumerate(pixels):
        place = (index % columns * (width + 2), index // columns * (height + 2))
        canvas.paste(Image.fromarray(image), place)
    return canvas.quantize(128)


def framed(
    images: Sequence[tuple[UInt8[np.ndarray, "_height _width"], tuple[float, float, float, float]]],
) -> Image.Image:
    """Grey images side by side, what lies outside of each one's box darker, and a frame around it.

    A box is its left, top, right and lower edge in pixels. Grey lines of 2 pixels lie between.
    """
    width = sum(pixels.shape[1] + 2 for pixels, _ in images) - 2
    canvas = Image.new("RGB", (width, max(pixels.shape[0] for pixels, _ in images)), "grey")
    left = 0
    for pixels, box in images:
        image = Image.fromarray(pixels).convert("RGB")
        x, y, right, bottom = map(round, box)
        darker = image.point([value // OUTSIDE for value in range(256)] * 3)
        darker.paste(image.crop((x, y, right, bottom)), (x, y))
        ImageDraw.Draw(darker).rectangle((x, y, right - 1, bottom - 1), outline=FRAME, width=2)
        canvas.paste(darker, (left, 0))
        left += pixels.shape[1] + 2
    return canvas.quantize(128)


def png(image: Image.Image) -> bytes:
    """The bytes of a picture as a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def jpeg_base64(image: Image.Image) -> str:
    """A small picture as a JPEG file in Base64, as a page embeds it."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=75)
    return base64.b64encode(buffer.getvalue()).decode()


def file_name(parts: Sequence[str]) -> str:
    """A file's name without its suffix, of at most 80 letters, digits, "-", "_" and "."."""
    text = "_".join(parts)
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in text)[:80]
