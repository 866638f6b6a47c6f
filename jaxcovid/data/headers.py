"""What a file says of its image before any pixel is decoded."""

from pathlib import Path

import numpy as np
from PIL import Image

from jaxcovid.data import dicom, images
from jaxcovid.data.dataset import Header


def read_header(path: Path) -> Header:
    """The header of a file that `images.read_image` reads."""
    if images.is_dicom(path):
        return dicom.read_dicom_header(path)
    with Image.open(path, formats=("PNG", "JPEG")) as image:
        tables = getattr(image, "quantization", {})
        first, second = (float(np.mean(tables[number])) if number in tables else 0.0
                         for number in (0, 1))  # fmt: skip
        return Header(image.width, image.height, image.mode, str(image.format), (first, second))
