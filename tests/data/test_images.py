import io
import os
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from jaxcovid.data import images
from jaxcovid.data.memory import Share
from tests.conftest import picture
from tests.data.test_readable import progressive


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


def chunk(kind, data):
    checksum = zlib.crc32(kind + data).to_bytes(4, "big")
    return len(data).to_bytes(4, "big") + kind + data + checksum


def blank(width, height):
    """A PNG of a few bytes that claims that size."""

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels)


UNREADABLE = {
    "thousands of scans": (progressive(3000), "JPEG of 3,000 scans"),
    "empty": (b"", "empty"),
    "text": (b"not an image at all", "neither PNG nor JPEG"),
    "GIF by another name": (b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "neither PNG nor JPEG"),
    "truncated PNG": (png()[:200], "cut short"),
    "truncated JPEG": (jpeg()[:-300], "cut short"),
    "JPEG header only": (jpeg()[:30], "PNG nor JPEG|cut short"),
    "flipped bytes": (png()[:100] + bytes(100) + png()[200:], "cut short"),
    "decompression bomb": (blank(50_000, 50_000), "more than 80,000,000 pixels"),
    "large": (blank(9_200, 9_200), "more than 80,000,000 pixels"),
    "very large": (blank(20_000, 6_000), "more than 80,000,000 pixels"),
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


def with_chunks(content, *chunks):
    """The PNG with these chunks before its pixels, and again before its end."""
    pixels, end = content.index(b"IDAT") - 4, content.index(b"IEND") - 4
    added = b"".join(chunks)
    return content[:pixels] + added + content[pixels:end] + added + content[end:]


LONG = zlib.compress(bytes(2**21))  # more than Pillow unpacks
MANY = 70  # of a MiB each, which together are more than Pillow keeps
CHUNKS = {
    "zTXt": [chunk(b"zTXt", b"a\0\0" + LONG)],
    "iTXt": [chunk(b"iTXt", b"a\0\1\0\0\0" + LONG)],
    "tEXt": [chunk(b"tEXt", b"a\0" + b"a" * 2**21)],
    "iCCP": [chunk(b"iCCP", b"a\0\0" + LONG)],
    "many": [chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**20 - 9)))] * MANY,
    "too short to mean anything": [chunk(b"gAMA", b"\0"), chunk(b"pHYs", b"")],
    "pictures that follow": [chunk(b"acTL", bytes([0, 0, 0, 2, 0, 0, 0, 0]))],
    "unknown": [chunk(b"abCd", bytes(100))],
}


@pytest.mark.parametrize("case", CHUNKS)
def test_what_else_is_in_a_png_does_not_matter(case, tmp_path):
    path = tmp_path / "a.png"
    content = with_chunks(png(), *CHUNKS[case])
    path.write_bytes(content)
    np.testing.assert_array_equal(
        np.asarray(images.read_image(path)), np.asarray(picture(0, (64, 64)))
    )
    assert images.read_described(path, lambda image: image)[1][:4] == (64, 64, "L", "PNG")
    path.write_bytes(content[: content.index(b"IDAT") + 1000])
    with pytest.raises(images.UnreadableError, match="cut short"):
        images.read_image(path)


def test_a_png_of_several_pictures_shows_the_first(tmp_path):
    frames = [picture(seed, (64, 64)) for seed in range(3)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(
        np.asarray(images.read_image(tmp_path / "a.png")), np.asarray(frames[0])
    )


def test_a_jpeg_of_several_pictures_shows_the_first(tmp_path):
    frames = [picture(seed, (64, 64), "RGB") for seed in range(3)]
    frames[0].save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "b.jpg")
    first, second = (np.asarray(images.read_image(tmp_path / name)) for name in ("a.jpg", "b.jpg"))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_span_all_greys(bits, tmp_path):
    levels = np.arange(2**bits).repeat(64 // 2**bits)[None].repeat(8, 0).astype(np.uint8)
    rows = b"".join(
        b"\0" + np.packbits(np.unpackbits(row[:, None], axis=1)[:, -bits:]).tobytes()
        for row in levels
    )
    header = (64).to_bytes(4, "big") + (8).to_bytes(4, "big") + bytes([bits, 0, 0, 0, 0])
    content = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(content))
    expected = levels * (255 // (2**bits - 1))
    np.testing.assert_array_equal(np.asarray(images.read_image(tmp_path / "a.png")), expected)


def test_transparency_and_turning_are_not_applied(tmp_path):
    image = picture(1, mode="RGB")
    turned = Image.Exif()
    turned[0x0112] = 6
    image.save(tmp_path / "a.png", transparency=(1, 2, 3), exif=turned)
    np.testing.assert_array_equal(
        np.asarray(images.read_image(tmp_path / "a.png")), np.asarray(image)
    )
    image.save(tmp_path / "a.jpg", exif=turned)
    assert images.read_image(tmp_path / "a.jpg").size == image.size


def test_colour_anywhere_is_colour(tmp_path):
    pixels = np.full((1500, 1500, 3), 100, np.uint8)
    pixels[-1, -1, 2] = 101
    Image.fromarray(pixels).save(tmp_path / "a.png", compress_level=1)
    image = images.read_image(tmp_path / "a.png")
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image), pixels)


def test_every_level_of_16_bits_is_rounded(tmp_path):
    levels = np.arange(2**16).reshape(256, 256)
    pixels = np.tile(levels, (6, 4)).astype(np.uint16)  # in two strips
    Image.fromarray(pixels).save(tmp_path / "a.png")
    expected = np.rint(pixels / 257).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(images.read_image(tmp_path / "a.png")), expected)


def test_large_images_wait_for_each_other(tmp_path, monkeypatch):
    held, most, lock = [0], [0], threading.Lock()

    def view(image):
        with lock:
            held[0] += image.width * image.height
            most[0] = max(most[0], held[0])
        time.sleep(0.01)
        with lock:
            held[0] -= image.width * image.height
        return image.size

    picture(0, (200, 100)).save(tmp_path / "large.png")
    picture(0, (50, 100)).save(tmp_path / "small.jpg")
    monkeypatch.setattr(images, "DECODED", Share(30_000))
    paths = [tmp_path / name for name in ("large.png", "small.jpg")] * 6
    with ThreadPoolExecutor(12) as pool:
        sizes = list(pool.map(lambda path: images.read_view(path, view), paths))
    assert sizes == [(200, 100), (50, 100)] * 6 and 20_000 < most[0] <= 30_000


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(images.UnreadableError, match="a device or a pipe"):
        images.read_image(tmp_path / "a.png")


def test_a_file_that_is_far_too_long(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(png())
    monkeypatch.setattr(images, "MAX_BYTES", 100)
    with pytest.raises(images.UnreadableError, match="larger than 100 bytes"):
        images.read_image(tmp_path / "a.png")


PEAK = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from jaxcovid.data import images
def peak():  # what getrusage tells may be the parent's
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024
before = peak()
with ThreadPoolExecutor(3) as pool:
    list(pool.map(lambda _: images.read_view(Path(sys.argv[1]), images.evaluation_view), range(3)))
print(peak() - before)
"""


@pytest.mark.system
def test_three_large_images_at_once_take_the_memory_of_one(tmp_path):
    Image.new("I;16", (8900, 8900)).save(tmp_path / "a.png", compress_level=1)
    command = [sys.executable, "-c", PEAK, str(tmp_path / "a.png")]
    peak = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert 150 < peak < 600  # MiB; the stored pixels of one are 151
