"""What a file says of its image before any pixel is decoded."""

import contextlib
import warnings
from collections.abc import Sequence
from pathlib import Path

from jaxcovid.data import dicom, png_jpeg


def read_sizes(paths: Sequence[Path]) -> list[tuple[int, int]]:
    """The widths and heights, in pixels, of those images whose files tell them, in their order."""

    def size(path: Path) -> tuple[int, int] | None:
        with contextlib.suppress(Exception):  # what is wrong with it is told when it is decoded
            if dicom.is_dicom(path):
                return dicom.read_dicom_header(path)[:2]
            return png_jpeg.size_of(path)
        return None

    with warnings.catch_warnings(action="ignore"):
        return [known for known in map(size, paths) if known is not None]
