"""What every image must satisfy, whatever its format."""

MAX_PIXELS = 80_000_000  # a chest X-ray has 4 to 20 million
MIN_SIDE, MAX_RATIO = 8, 10  # pixels, and the longer side over the shorter


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
