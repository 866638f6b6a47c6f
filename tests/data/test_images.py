import io
import zlib

import numpy as np
import pytest
from PIL import Image

from jaxcovid.data import images
from tests.conftest import picture


def grey(value=100, size=(10, 9)):
    return np.full(size[::-1], value, np.uint8)


def sixteen_bit():
    return Image.fromarray(np.full((9, 10), 100 * 257, np.uint16))


# Everything here has grey level 100.
GREY = {
    "grey": Image.fromarray(grey()),
    "grey with alpha": Image.merge("LA", [Image.fromarray(grey()), Image.fromarray(grey(7))]),
    "16 bit": sixteen_bit(),
    "RGB, all equal": Image.merge("RGB", [Image.fromarray(grey())] * 3),
    "RGBA, all equal": Image.merge(
        "RGBA", [Image.fromarray(grey())] * 3 + [Image.fromarray(grey(0))]
    ),
    "palette": Image.fromarray(grey()).convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE),
}  # fmt: skip


@pytest.mark.parametrize("case", GREY)
def test_grey_in_every_guise(case, tmp_path):
    GREY[case].save(tmp_path / "image.png")
    image = images.read_image(tmp_path / "image.png")
    assert image.mode == "L"
    np.testing.assert_array_equal(np.asarray(image), grey())


def test_one_bit(tmp_path):
    Image.fromarray(np.eye(9, dtype=bool)).save(tmp_path / "image.png")
    np.testing.assert_array_equal(
        np.asarray(images.read_image(tmp_path / "image.png")), np.eye(9, dtype=np.uint8) * 255
    )


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_colour_is_what_pillow_converts_to(mode, tmp_path):
    picture(1, mode="RGB").convert(mode).save(tmp_path / "image.jpg")
    image = images.read_image(tmp_path / "image.jpg")
    expected = Image.open(tmp_path / "image.jpg").convert("RGB")
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image), np.asarray(expected))


def png(size=(64, 64)):
    buffer = io.BytesIO()
    picture(0, size).save(buffer, "PNG")
    return buffer.getvalue()


def jpeg(size=(64, 64)):
    buffer = io.BytesIO()
    picture(0, size).save(buffer, "JPEG")
    return buffer.getvalue()


def blank(width, height):
    """A PNG of a few bytes that claims that size."""

    def chunk(kind, data):
        checksum = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + checksum

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels)


UNREADABLE = {
    "empty": (b"", "empty"),
    "text": (b"not an image at all", "neither PNG nor JPEG"),
    "GIF by another name": (b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "neither PNG nor JPEG"),
    "truncated PNG": (png()[:200], "cut short"),
    "truncated JPEG": (jpeg()[:-300], "cut short"),
    "JPEG header only": (jpeg()[:30], "PNG nor JPEG|cut short"),
    "flipped bytes": (png()[:100] + bytes(100) + png()[200:], "cut short"),
    "decompression bomb": (blank(50_000, 50_000), "decompression bomb"),
    "large": (blank(9_200, 9_200), "more than 80,000,000 pixels"),
    "very large": (blank(20_000, 6_000), "decompression bomb"),
    "a strip": (blank(8, 100_000), "8 x 100000 pixels show no X-ray"),
    "a single pixel": (blank(1, 1), "1 x 1 pixels show no X-ray"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNREADABLE)
def test_unreadable_files_say_why(case, tmp_path):
    content, reason = UNREADABLE[case]
    (tmp_path / "image.png").write_bytes(content)
    with pytest.raises(images.UnreadableError, match=reason):
        images.read_image(tmp_path / "image.png")


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_file_cut_anywhere_is_readable_or_unreadable_never_a_crash(cut, tmp_path):
    for name, content in (("image.png", png()), ("image.jpg", jpeg())):
        (tmp_path / name).write_bytes(content[: len(content) * cut // 20])
        with pytest.raises(images.UnreadableError):
            images.read_image(tmp_path / name)


@pytest.mark.parametrize("size", [(300, 400), (400, 300), (256, 256), (30, 31), (1000, 257)])
def test_evaluation_view_is_the_centre_of_the_resized_image(size):
    image = picture(0, size)
    view = images.evaluation_view(image)
    assert view.shape == (224, 224, 1) and view.dtype == np.uint8
    short = min(size)
    width, height = (int(256 * side / short) for side in size)
    left, top = round((width - 224) / 2), round((height - 224) / 2)
    expected = image.resize((width, height), Image.Resampling.BILINEAR).crop(
        (left, top, left + 224, top + 224)
    )
    np.testing.assert_array_equal(view[:, :, 0], np.asarray(expected))


@pytest.mark.parametrize(
    ("size", "side", "shape"),
    [((100, 90), 320, (90, 100)), ((640, 640), 320, (320, 320)), ((800, 640), 320, (320, 400)),
     ((3000, 300), 320, (51, 512)), ((2000, 1), 320, (1, 512)), ((800, 640), 1024, (640, 800)),
     ((2048, 2560), 1024, (1280, 1024))],
)  # fmt: skip
def test_augmentable_view_only_shrinks(size, side, shape):
    assert images.augmentable_view(Image.new("L", size), side).shape == (*shape, 1)
