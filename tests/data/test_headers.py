import numpy as np
import pytest
from PIL import Image

from jaxcovid.data.headers import read_header

GREY = Image.fromarray(np.arange(600, dtype=np.uint8).reshape(20, 30) % 251)
FILES = {  # image, name, options of saving, header without tables
    "grey PNG": (GREY, "a.png", {}, (30, 20, "L", "PNG")),
    "16 bits": (Image.fromarray(np.zeros((20, 30), np.uint16)), "a.png", {}, (30, 20, "I;16", "PNG")),
    "colour PNG": (GREY.convert("RGB"), "a.png", {}, (30, 20, "RGB", "PNG")),
    "JPEG by another suffix": (GREY, "a.png", {"format": "JPEG"}, (30, 20, "L", "JPEG")),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_what_a_file_says(case, tmp_path):
    image, name, options, expected = FILES[case]
    image.save(tmp_path / name, **options)
    assert read_header(tmp_path / name)[:4] == expected


def test_tables_tell_how_a_jpeg_was_compressed(tmp_path):
    tables = []
    for quality in (50, 95):
        GREY.convert("RGB").save(tmp_path / "a.jpg", quality=quality)
        tables.append(read_header(tmp_path / "a.jpg").tables)
    assert all(coarse > fine > 0 for coarse, fine in zip(*tables, strict=True))
    GREY.save(tmp_path / "a.jpg")
    assert read_header(tmp_path / "a.jpg").tables[1] == 0
