"""The header of a NumPy array in a file, read as text: nothing of it is evaluated."""

import math
import re
from typing import NamedTuple

import numpy as np

from weights_convert.errors import FormatError
from weights_convert.printable import brief
from weights_convert.pth.tensors import MAX_DIMENSIONS

_LONGEST = 10_000  # bytes
_HEADER = re.compile(
    r"\s*\{\s*'descr'\s*:\s*(?P<type>'[^'\\]*'|\[.*\]|\(.*\))\s*,"
    r"\s*'fortran_order'\s*:\s*(?P<fortran>True|False)\s*,"
    r"\s*'shape'\s*:\s*\((?P<shape>[\dL, ]*)\)\s*,?\s*\}\s*",
    re.ASCII | re.DOTALL,
)
_LENGTHS = re.compile(r"(\d{1,18})L?")
_READ = re.compile(r"'([<>=|]?)(f[248]|[iu][1248]|b1|U\d{1,7})'")


class Header(NamedTuple):
    """What stands before an array's data."""

    dtype: np.dtype | None
    """None if such elements are not read."""
    kind: str
    """The elements' type in the file's words."""
    shape: tuple[int, ...]
    fortran: bool
    start: int
    """Where the data begin, in bytes."""


def read_header(data: memoryview) -> Header:
    """The header of a .npy file, checked against the data's size. Raises FormatError."""
    text, start = _text(data)
    match = _HEADER.fullmatch(text)
    if match is None:
        raise FormatError("its header is none of NumPy's")
    shape = _shape(match["shape"])
    kind = match["type"].strip("'")
    known = _READ.fullmatch(match["type"])
    if known is None:
        if kind.lstrip("<>=|").startswith("O"):
            kind = "Python objects"
        elif not match["type"].startswith("'"):
            kind = "records of several fields"
        return Header(None, kind, shape, match["fortran"] == "True", start)
    dtype = np.dtype(known[1] + known[2])
    if math.prod(shape) * dtype.itemsize != len(data) - start or dtype.itemsize == 0:
        raise FormatError("it has another size than its header says")
    return Header(dtype, dtype.name, shape, match["fortran"] == "True", start)


def _text(data: memoryview) -> tuple[str, int]:
    begin = bytes(data[:12])
    if begin[:6] != b"\x93NUMPY" or begin[6:8] not in (b"\x01\x00", b"\x02\x00", b"\x03\x00"):
        raise FormatError("it is not in NumPy's format")
    width = 2 if begin[6] == 1 else 4
    length, start = int.from_bytes(begin[8 : 8 + width], "little"), 8 + width
    if length > _LONGEST:
        raise FormatError(f"its header is {length:,} bytes long")
    if len(data) < start + length:
        raise FormatError("it is cut short")
    encoding = "utf-8" if begin[6] == 3 else "latin-1"
    return bytes(data[start : start + length]).decode(encoding, "replace"), start + length


def _shape(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    # The last comma may be left out, but for a single number, which is no tuple without.
    if parts[-1] == "":
        parts.pop()
    elif len(parts) == 1:
        raise FormatError(f"its shape is {brief(text)}")
    lengths = [_LENGTHS.fullmatch(part) for part in parts]
    if len(lengths) > MAX_DIMENSIONS or not all(lengths):
        raise FormatError(f"its shape is {brief(text)}")
    shape = tuple(int(length[1]) for length in lengths if length)
    if math.prod(length or 1 for length in shape) >= 2**60:
        raise FormatError("its shape is beyond any memory")
    return shape
