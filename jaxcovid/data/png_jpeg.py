"""PNG and JPEG files, decoded as Pillow does, but for what has nothing to do with pixels."""

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import simplejpeg
from jaxtyping import UInt8
from PIL import Image

from jaxcovid.data.dataset import Header
from jaxcovid.data.readable import check_scans, check_size

# What decoders call the modes, and how many pixels are few.
COLOURS, SMALL = {"L": "GRAY", "RGB": "RGB"}, 4_000_000

PNG_MARK, JPEG_MARK = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"

# Bytes in which the size of nearly all images stands: Pillow takes ten times as long to find it.
START = 4096

# The chunks of a PNG that decide its pixels. Pillow refuses images for what is in others, such as
# long texts, and unpacks them before it knows how many there are.
PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


@contextlib.contextmanager
def opened(
    path: Path, check: Callable[[int, int], None] = check_size
) -> Iterator[tuple[Image.Image, bytes]]:
    """A PNG or JPEG image, whose pixels are yet to decode, and of a JPEG the bytes of its file.

    `check` is called with the width and height, in pixels, before any more than them is read.
    Raises UnreadableError, and whatever Pillow raises at broken files.
    """
    with path.open("rb") as file:
        size = _png_size(file.read(24))
        if size is not None:
            check(*size)
        file.seek(0)
        source = file if size is None else _pixel_chunks(file)
        with Image.open(source, formats=("PNG", "JPEG")) as image:
            content = b""
            if size is None:
                check(image.width, image.height)
                file.seek(0)
                content = file.read()
                check_scans(content, image.width * image.height)
            yield image, content


def decoded(image: Image.Image, content: bytes) -> UInt8[np.ndarray, "height width channel"] | None:
    """The pixels of a JPEG of mode L or RGB as Pillow gives them, in half the time.

    None where that is not sure: of other files, of large ones, as the pixels are there twice for a
    moment, and of all at which the decoder even warns.
    """
    if image.format != "JPEG" or image.mode not in COLOURS or image.width * image.height > SMALL:
        return None
    try:
        pixels = simplejpeg.decode_jpeg(content, COLOURS[image.mode], strict=True)
    except (ValueError, MemoryError):
        return None
    return pixels if pixels.shape[:2] == (image.height, image.width) else None


def header(image: Image.Image) -> Header:
    """What the file of an image says of it."""
    tables = getattr(image, "quantization", {})
    first, second = (sum(table) / len(table) if (table := tables.get(number)) else 0.0
                     for number in (0, 1))  # fmt: skip
    return Header(image.width, image.height, image.mode, str(image.format), (first, second))


def size_of(path: Path) -> tuple[int, int]:
    """The width and height, in pixels, that a PNG or JPEG file states; little more of it is read.

    Raises whatever Pillow raises at other files.
    """
    with path.open("rb") as file:
        start = file.read(START)
        if (size := _png_size(start[:24]) or _jpeg_size(start)) is not None:
            return size
        with Image.open(file, formats=("JPEG",)) as image:
            return image.size


def _png_size(start: bytes) -> tuple[int, int] | None:
    """The width and height in the first 24 bytes of a PNG; None if they are of no PNG."""
    if not start.startswith(PNG_MARK) or len(start) < 24:
        return None
    return int.from_bytes(start[16:20], "big"), int.from_bytes(start[20:24], "big")


def _jpeg_size(start: bytes) -> tuple[int, int] | None:
    """The width and height in the first frame of a JPEG; None if that does not begin here."""
    position = len(JPEG_MARK) - 1
    while start.startswith(JPEG_MARK) and position + 9 <= len(start) and start[position] == 0xFF:
        kind = start[position + 1]
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):  # those are no frames
            height, width = start[position + 5 : position + 7], start[position + 7 : position + 9]
            return int.from_bytes(width, "big"), int.from_bytes(height, "big")
        position += 2 + int.from_bytes(start[position + 2 : position + 4], "big")
    return None


def _pixel_chunks(file: io.BufferedReader) -> io.BytesIO:
    """A PNG without the chunks that do not decide its pixels."""
    kept, size = io.BytesIO(), os.fstat(file.fileno()).st_size
    kept.write(file.read(len(PNG_MARK)))
    while len(head := file.read(8)) == 8:
        length = int.from_bytes(head[:4], "big") + 4  # and the checksum
        if head[4:] in PIXEL_CHUNKS:
            kept.write(head)
            kept.write(file.read(min(length, size - file.tell())))
        else:
            file.seek(length, io.SEEK_CUR)
    kept.write(head)  # of a file that is cut short
    kept.seek(0)
    return kept
