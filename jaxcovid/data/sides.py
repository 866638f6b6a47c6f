"""How large training images are kept, so that augmentation sees as much as evaluation does."""

import hashlib
import math
from collections.abc import Sequence

from jaxcovid.data.preparation import AS_TORCHVISION, Preparation

SIDES = (320, 512, 768, 1024)  # pixels of the shorter side; of larger images 1024 are enough
LONGER = 1.6  # the longer side is at most so many times the shorter one's bound
BUDGET = 4e9  # bytes, alike on every machine: the side decides what is computed
# So large a share of the images must not be larger for a side to do.
SHARE = 0.95


def choose_side(sizes: Sequence[tuple[int, int]]) -> int:
    """The side in pixels to which training images of these sizes are shrunk, if theirs is longer.

    That of nearly all of them, but no more than so many grey images may take together.
    """
    wanted = _wanted(sizes)
    fitting = [side for side in SIDES if side <= wanted and _bytes(sizes, side) <= BUDGET]
    return max(fitting, default=SIDES[0])


def caution(sizes: Sequence[tuple[int, int]], side: int) -> str:
    """A sentence if images of these sizes lose what evaluation sees of them; else empty."""
    if not sizes or side >= _wanted(sizes):
        return ""
    larger = sum(min(size) > side for size in sizes)
    return (
        f"{larger} of {len(sizes)} training images are shrunk to a shorter side of {side} pixels "
        "before they are augmented, so training sees less fine detail than evaluation; "
        f"`stored_side={_wanted(sizes)}` keeps more"
    )


def shrunk(size: tuple[int, int], side: int) -> tuple[int, int]:
    """The width and height at which an image is kept; it only ever shrinks."""
    scale = min(1, side / min(size), LONGER * side / max(size))
    width, height = (max(round(length * scale), 1) for length in size)
    return width, height


def sided(fingerprint: str, side: int, preparation: Preparation = AS_TORCHVISION) -> str:
    """The fingerprint of images that are kept so; unchanged for the least side, as torchvision."""
    details = [str(side)] if side != SIDES[0] else []
    details += preparation if preparation != AS_TORCHVISION else []
    if not details:
        return fingerprint
    described = " ".join((fingerprint, *details))
    return hashlib.blake2b(described.encode(), digest_size=16).hexdigest()


def _wanted(sizes: Sequence[tuple[int, int]]) -> int:
    """The least of SIDES that nearly all images have at most, or the greatest."""
    shorter = sorted(min(size) for size in sizes)
    nearly_all = shorter[math.ceil(SHARE * len(shorter)) - 1] if shorter else 0
    return next((side for side in SIDES if side >= nearly_all), SIDES[-1])


def _bytes(sizes: Sequence[tuple[int, int]], side: int) -> int:
    """Of all images in grey, on canvases of one size."""
    kept = [shrunk(size, side) for size in sizes]
    widest, highest = (max((size[axis] for size in kept), default=0) for axis in (0, 1))
    return len(kept) * widest * highest
