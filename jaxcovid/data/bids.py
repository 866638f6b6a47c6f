"""What BIDS keeps of an image in a .json beside it, in DICOM's names (PS3.18, annex F)."""

import re
from collections.abc import Mapping
from pathlib import Path

from jaxcovid.data.table_images import examples
from jaxcovid.json_file import read_json
from weights_convert.printable import printable

# Images of BIDS, such as BIMCV's: sub-S1_ses-E1_vp-pa_dx.png.
_IMAGE = re.compile(r"sub-.+\.(png|jpe?g)", re.IGNORECASE)

# DICOM's tags by their numbers.
_TAGS = {
    "00280004": "PhotometricInterpretation",
    "00185101": "ViewPosition",
    "00080070": "Manufacturer",
    "00080020": "StudyDate",
}
_MOST = 2**24  # bytes; with all tags of an image they have some thousands


def is_bids(path: Path) -> bool:
    """Whether a PNG or JPEG is named as BIDS names images."""
    return _IMAGE.fullmatch(path.name) is not None


def tags_beside(path: Path) -> Mapping[str, str] | None:
    """Those of `_TAGS` that the .json beside an image holds, by name; None without such a file."""
    try:
        tags = read_json(path.with_suffix(".json"), dict, _MOST, finite=False)
    except (OSError, ValueError):
        return None
    return {
        name: printable(value) for number, name in _TAGS.items() if (value := _text(tags, number))
    }


def is_inverted(path: Path) -> bool:
    """Whether an image is white where others are black, which only the .json beside it says."""
    if not is_bids(path):
        return False
    return (tags_beside(path) or {}).get("PhotometricInterpretation") == "MONOCHROME1"


def inversion_notes(tags: Mapping[str, Mapping[str, str] | None]) -> list[str]:
    """What to tell of images, by what the .json beside each says: which were turned, or may be."""
    turned = [
        name
        for name, of_image in tags.items()
        if (of_image or {}).get("PhotometricInterpretation") == "MONOCHROME1"
    ]
    unknown = [name for name, of_image in tags.items() if of_image is None]
    notes = []
    if turned:
        notes.append(
            f"{len(turned)} image(s) inverted, as the .json beside says (MONOCHROME1): "
            f"{examples(turned)}"
        )
    if unknown and len(unknown) < len(tags):
        notes.append(
            f"{len(unknown)} image(s) have no readable .json beside, as others have, so it is not "
            f"known whether they are inverted: {examples(unknown)}"
        )
    return notes


def _text(tags: Mapping[str, object], number: str) -> str:
    """The first value of a tag, as text; empty if there is none."""
    element = tags.get(number)
    values = element.get("Value") if isinstance(element, dict) else None
    return str(values[0]).strip() if isinstance(values, list) and values else ""
