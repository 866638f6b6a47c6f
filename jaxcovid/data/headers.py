"""What a file says of its image before any pixel is decoded."""

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
