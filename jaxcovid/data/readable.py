"""What every image must satisfy, whatever its format."""

import re

MAX_PIXELS = 80_000_000  # a chest X-ray has 4 to 20 million
MAX_BYTES = 1_000_000_000  # so many pixels in colour with alpha, 16 bits each, take 640 million
MIN_SIDE, MAX_RATIO = 8, 10  # pixels, and the longer side over the shorter

# A progressive JPEG has 6 scans in grey and 10 in colour, and decoding passes over all pixels in
# each: 1.5 to 2.5 ns a pixel, measured. So any ordinary one of MAX_PIXELS is read.
MAX_SCANS, MAX_SCANNED = 100, 1_000_000_000

START_OF_SCAN = b"\xff\xda"
# In the coded data of a scan 0xff is followed by 0, or by a marker of a restart.
MARKER_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


class UnreadableError(Exception):
    """An image that cannot be used, and why."""


def check_size(width: int, height: int) -> None:
    """Checks the width and height, in pixels, that a file claims, before it is decoded.

    Raises UnreadableError if there are too many pixels, or the shape is that of no X-ray.
    """
    size = f"{width} x {height}"
    if width * height > MAX_PIXELS:
        raise UnreadableError(f"{size} is more than {MAX_PIXELS:,} pixels")
    if min(width, height) < MIN_SIDE or max(width, height) > MAX_RATIO * min(width, height):
        raise UnreadableError(f"{size} pixels show no X-ray")


def check_scans(jpeg: bytes, pixels: int) -> None:
    """Checks how often decoding a JPEG would pass over its so many pixels.

    Raises UnreadableError if that would take far longer than for any ordinary image.
    """
    most = min(MAX_SCANS, MAX_SCANNED // pixels)
    # The mark may also stand in metadata, where it means nothing; so it is looked for there only
    # if there are too many.
    if jpeg.count(START_OF_SCAN) > most and (scans := _scans(jpeg)) > most:
        raise UnreadableError(
            f"a JPEG of {scans:,} scans, which takes too long to decode; at most {most} of so "
            "many pixels are read"
        )


def _scans(jpeg: bytes) -> int:
    """The number of scans in a JPEG, without those in its metadata or behind its end."""
    position, scans = 2, 0
    while position + 4 <= len(jpeg):
        if jpeg[position] != 0xFF:
            position += 1  # decoders look for the next mark
            continue
        kind = jpeg[position + 1]
        if kind == 0xD9:  # the end
            break
        if kind in (0x00, 0x01, 0xFF) or 0xD0 <= kind <= 0xD8:  # marks without a length
            position += 1 if kind == 0xFF else 2
            continue
        position += 2 + max(2, int.from_bytes(jpeg[position + 2 : position + 4], "big"))
        if kind == START_OF_SCAN[1]:
            scans += 1
            following = MARKER_AFTER_SCAN.search(jpeg, position)
            position = following.start() if following else len(jpeg)
    return scans
