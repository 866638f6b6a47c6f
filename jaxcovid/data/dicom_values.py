"""What single attributes of a DICOM data set say: read literally, or refused by name."""

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jaxcovid.data.readable import UnreadableError
from weights_convert.printable import printable

if TYPE_CHECKING:
    import pydicom

# A decimal comma is against the standard (PS3.5, 6.2), but cannot mean anything else.
NUMBER = re.compile(r"[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)(E[+-]?[0-9]+)?", re.IGNORECASE)

BINARY = ("US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "US or SS")


def number(dataset: "pydicom.Dataset", keyword: str) -> float | None:
    """A number, the first of several; None if it is absent or empty.

    Raises UnreadableError if it is anything but a finite number.
    """
    values = numbers(dataset, keyword)
    return values[0] if values else None


def integer(dataset: "pydicom.Dataset", keyword: str, default: int | None = None) -> int:
    """A whole number, the first of several; the default if it is absent or empty.

    Raises UnreadableError if it is anything else, or missing without a default.
    """
    value = number(dataset, keyword)
    if value is None:
        if default is None:
            raise UnreadableError(f"it lacks its {keyword}")
        return default
    if value != int(value):
        raise UnreadableError(f"its {keyword} is {value:g}, not a whole number")
    return int(value)


def numbers(dataset: "pydicom.Dataset", keyword: str) -> list[float]:
    """All numbers of an attribute, none if it is absent or empty.

    Raises UnreadableError if any is not a finite number.
    """
    if keyword not in dataset:
        return []
    # As it lies in the file: pydicom makes of a text that is no number whatever is near.
    raw = dataset.get_item(keyword)
    if isinstance(raw.value, bytes) and _representation(raw) not in BINARY:
        value = raw.value.decode("latin-1")
    else:
        value = dataset[keyword].value
    if isinstance(value, str):
        parts = value.strip(" \0\t\r\n").split("\\")
        return [] if parts == [""] else [_parsed(part, keyword) for part in parts]
    several = value if isinstance(value, Sequence) else [value]
    return [_parsed(str(part), keyword) for part in several if part is not None]


def text(dataset: "pydicom.Dataset", keyword: str, default: str) -> str:
    """A code in capitals; the default if it is absent or empty."""
    value = dataset.get(keyword)
    return str(value).strip(" \0").upper() if value else default


def _representation(raw: Any) -> str:
    from pydicom.datadict import dictionary_VR

    return dictionary_VR(raw.tag) if raw.VR in (None, "UN") else str(raw.VR)


def _parsed(part: str, keyword: str) -> float:
    stripped = part.strip(" \0\t\r\n")
    if NUMBER.fullmatch(stripped):
        value = float(stripped.replace(",", "."))
        if math.isfinite(value):
            return value
    raise UnreadableError(f"its {keyword} is '{printable(part, 40)}', which is no number")
