import numpy as np
import pytest
from PIL import Image

from jaxcovid.data.headers import read_sizes
from jaxcovid.data.images import read_described

GREY = Image.fromarray(np.arange(600, dtype=np.uint8).reshape(20, 30) % 251)


def read_header(path):
    return read_described(path, lambda image: None)[1]


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


def test_sizes_are_those_of_headers_and_of_readable_files_alone(tmp_path):
    paths = [tmp_path / f"{place}-{name}" for place, (_, name, _, _) in enumerate(FILES.values())]
    for path, (image, _, options, _) in zip(paths, FILES.values(), strict=True):
        image.crop((0, 0, 30 - int(path.name[0]), 20)).save(path, **options)
    (tmp_path / "text.png").write_bytes(b"no image")
    sizes = read_sizes([paths[0], tmp_path / "text.png", *paths[1:], tmp_path / "none.png"])
    assert sizes == [read_header(path)[:2] for path in paths]
    assert sizes == [(30, 20), (29, 20), (28, 20), (27, 20)]


def test_the_size_of_a_jpeg_stands_in_its_first_frame_however_long_its_texts(tmp_path):
    sizes = []
    for number, (comment, progressive) in enumerate(
        [(b"", False), (b"x" * 9000, False), (b"", True)]
    ):
        path = tmp_path / f"{number}.jpg"
        image = GREY.crop((0, 0, 30 - number, 20))
        image.save(path, comment=comment, progressive=progressive)
        sizes += read_sizes([path])
    assert sizes == [(30, 20), (29, 20), (28, 20)]
