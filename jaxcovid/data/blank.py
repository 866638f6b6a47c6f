"""Pictures that show almost nothing: blank ones, and those whose grey levels were lost."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from jaxcovid.data.dataset import Dataset, Split
from weights_convert.printable import printable

# So much of an image decides, and markers and hot pixels do not. Of 6,305 X-rays none has less than
# 53 levels in it; 12 bits stored as the low ones of 16 leave 17.
SHARE = 0.95
# Levels beside each other that show nothing between them, and apart: masks and scans of two tones.
NARROW, FEW = 32, 4

NAMED = 10  # images in one warning


def few_levels(image: Image.Image) -> int:
    """How many of 256 grey levels an image has that shows almost nothing, 0 for any other.

    Counted are the commonest levels, as many as hold 95 % of the pixels. Almost nothing shows where
    these are four or fewer, or where so many pixels lie within 32 levels beside each other.
    """
    counts = np.array(in_grey(image).histogram())
    enough = SHARE * counts.sum()
    levels = 1 + int(np.searchsorted(np.sort(counts)[::-1].cumsum(), enough))
    total = np.concatenate([[0], counts.cumsum()])
    together = (total[NARROW:] - total[:-NARROW]).max()
    return levels if levels <= FEW or together >= enough else 0


def in_grey(image: Image.Image) -> Image.Image:
    """The image in grey, itself if it is: `convert` would copy it."""
    return image if image.mode == "L" else image.convert("L")


def remark(levels: int) -> str:
    """A clause about an image with that `few_levels`, empty if they are 0."""
    if not levels:
        return ""
    return f"shows almost nothing: {levels} of 256 grey levels in {100 * SHARE:.0f} % of its pixels"


def notes(split: Split, remarks: Sequence[str] = ()) -> list[str]:
    """What is to be said of each image of a split: `remark`, and these of whatever else."""
    levels = split.few_levels.tolist() or [0] * len(remarks)
    others = remarks or [""] * len(levels)
    return [
        "; ".join(filter(None, (remark(few), other)))
        for few, other in zip(levels, others, strict=True)
    ]


def warning(levels: Mapping[str, int], images: str) -> str:
    """A sentence that names the images that show almost nothing, empty if all show something.

    `levels` are the `few_levels` of every image by its path, `images` says what they are.
    """
    blank = {printable(path): count for path, count in levels.items() if count}
    if not blank:
        return ""
    (first, count), *others = blank.items()
    if not others:
        return f"{first} {remark(count)}"
    listed = [f"{path} ({count})" for path, count in others[: NAMED - 1]]
    if len(others) > len(listed):
        listed.append(f"{len(others) - len(listed)} more")
    return (
        f"{first} {remark(count)}; so do {len(others)} more of {len(levels)} {images}: "
        f"{', '.join(listed)}"
    )


def blank_images(dataset: Dataset) -> list[str]:
    """A sentence for every split that has images that show almost nothing."""
    sentences = [
        warning(_levels(split), f"{name} images") for name, split in dataset.splits.items()
    ]
    return [sentence for sentence in sentences if sentence]


def _levels(split: Split) -> dict[str, int]:
    return dict(zip(split.paths, split.few_levels.tolist(), strict=True))
