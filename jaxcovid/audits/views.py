"""What an image shows besides the lungs, as numbers that a classifier can be given."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, UInt8

from jaxcovid.data.dataset import Header, Split

# Of the height and width of an image, how much its border takes on each side, and each of its
# corners, where marks stand: neither reaches the lungs.
BORDER, CORNER = 1 / 16, 1 / 8
THUMBNAIL = 16  # pixels, both sides
PERCENTILES = (5, 25, 50, 75, 95)

# Half axes of the ellipse that holds the lungs, as shares of the height and width of an image.
ELLIPSE = (0.45, 0.45)

View = Float[np.ndarray, "_ number"]


def header_view(headers: Sequence[Header], kinds: Sequence[str]) -> View:
    """Size, shape, mode, format and JPEG tables of files; `kinds` are the modes with formats."""
    return np.array(
        [
            [
                header.width,
                header.height,
                header.width / header.height,
                *header.tables,
                *(kind_of(header) == kind for kind in kinds),
            ]
            for header in headers
        ],
        np.float64,
    ).reshape(len(headers), 5 + len(kinds))


def kind_of(header: Header) -> str:
    """Mode and format of a file in one word."""
    return f"{header.format}/{header.mode}"


def border_view(split: Split) -> View:
    """Grey values of the border and the corners, at half the sharpness of miniatures."""
    greys = _greys(split, 32)
    away = np.minimum(np.arange(32), np.arange(32)[::-1])  # from the nearer edge
    rows, columns = away[:, None], away
    near_edge = np.minimum(rows, columns) < BORDER * 32
    return greys[:, near_edge | (np.maximum(rows, columns) < CORNER * 32)]


def thumbnail_view(split: Split) -> View:
    """Grey values of the image in `THUMBNAIL` x `THUMBNAIL` pixels."""
    return _greys(split, THUMBNAIL).reshape(len(split.labels), -1)


def brightness_view(split: Split) -> View:
    """Mean, spread and `PERCENTILES` of an image's grey values."""
    greys = _greys(split, 64).reshape(len(split.labels), -1)
    percentiles = np.percentile(greys, PERCENTILES, axis=1).T
    return np.column_stack([greys.mean(1), greys.std(1), percentiles])


def miniatures_of(split: Split) -> UInt8[np.ndarray, "n 64 64"]:
    """The miniatures of a split in memory."""
    return split.miniatures[np.arange(len(split.labels))][:, :, :, 0]


def inside_ellipse(height: int, width: int) -> Bool[np.ndarray, "height width"]:
    """Which pixels lie in the central `ELLIPSE`."""
    rows = (np.arange(height) + 0.5) / height - 0.5
    columns = (np.arange(width) + 0.5) / width - 0.5
    return (rows[:, None] / ELLIPSE[0]) ** 2 + (columns / ELLIPSE[1]) ** 2 <= 1


def _greys(split: Split, side: int) -> Float[np.ndarray, "n side side"]:
    miniatures = miniatures_of(split).astype(np.float32)
    step = miniatures.shape[1] // side
    return miniatures.reshape(-1, side, step, side, step).mean((2, 4))
