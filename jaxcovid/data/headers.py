"""What a file says of its image before any pixel is decoded."""

import contextlib
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from jaxcovid.data import dicom, png_jpeg
from jaxcovid.data.dataset import Header


def read_header(path: Path) -> Header:
    """The header of a file that `images.read_image` reads."""
    if dicom.is_dicom(path):
        return dicom.read_dicom_header(path)
    with png_jpeg.opened(path) as image:
        tables = getattr(image, "quantization", {})
        first, second = (float(np.mean(tables[number])) if number in tables else 0.0
                         for number in (0, 1))  # fmt: skip
        return Header(image.width, image.height, image.mode, str(image.format), (first, second))


def read_sizes(paths: Sequence[Path]) -> list[tuple[int, int]]:
    """The widths and heights, in pixels, of those images whose files tell them, in their order."""

    def size(path: Path) -> tuple[int, int] | None:
        with contextlib.suppress(Exception):  # what is wrong with it is told when it is decoded
            if dicom.is_dicom(path):
                return dicom.read_dicom_header(path)[:2]
            return png_jpeg.size_of(path)
        return None

    with ThreadPoolExecutor() as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [known for known in pool.map(size, paths) if known is not None]
