"""The grey in 8 bits that a DICOM data set shows for each level of its stored pixels."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Integer, Num, UInt, UInt8

from jaxcovid.data.dicom_values import integer, number, text
from jaxcovid.data.readable import UnreadableError
from weights_convert.printable import printable

if TYPE_CHECKING:
    import pydicom

ATTRIBUTES = (
    "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "PixelPaddingValue", "PixelPaddingRangeLimit",
    "ModalityLUTSequence", "RescaleSlope", "RescaleIntercept",
    "VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction",
)  # fmt: skip


# Without it values have none.
SIGN = ("PixelRepresentation", 0)


def displayed(
    words: UInt[np.ndarray, "level"], dataset: "pydicom.Dataset", plain: bool
) -> UInt8[np.ndarray, "level"]:
    """The grey of each of the words that occur in an image, through its first window.

    Padding is black and counts for nothing else (PS3.3 C.7.5.1.1.2). `plain` is whether the words
    are as they lie in the file, where other things may take the bits that are not used. Raises
    UnreadableError with what cannot be heeded.
    """
    levels = _stored_values(words, dataset, plain)
    padding = _is_padding(levels, words, dataset)
    if padding.all():
        raise UnreadableError("all its pixels are padding (PixelPaddingValue)")
    greys = np.zeros(len(words), np.uint8)
    with np.errstate(all="ignore"):  # checked below
        shares = _windowed(_rescaled(levels[~padding], dataset), dataset)
    if not np.isfinite(shares).all():
        raise UnreadableError("its rescaling or window is beyond all numbers")
    if text(dataset, "PhotometricInterpretation", "") == "MONOCHROME1":  # the lowest is white
        shares = 1 - shares
    greys[~padding] = np.rint(255 * shares)
    return greys


def check_bits(dataset: "pydicom.Dataset", plain: bool) -> None:
    """Checks what the data set says of the bits of a pixel; `plain` is as in `displayed`.

    Raises UnreadableError if it cannot be so.
    """
    allocated, stored = integer(dataset, "BitsAllocated"), integer(dataset, "BitsStored")
    high, signed = integer(dataset, "HighBit", stored - 1), integer(dataset, *SIGN)
    if allocated not in (8, 16):
        raise UnreadableError(f"its pixels take {allocated} bits; 8 or 16 are read")
    if not 1 <= stored <= high + 1 <= allocated or (high + 1 != stored and not plain):
        raise UnreadableError(
            f"its pixels cannot be bits {high - stored + 1} to {high} of {allocated} (BitsStored "
            f"{stored}, HighBit {high}, BitsAllocated {allocated})"
        )
    if signed not in (0, 1):
        raise UnreadableError(f"its PixelRepresentation is {signed}, neither 0 nor 1")


def _stored_values(
    words: UInt[np.ndarray, "level"], dataset: "pydicom.Dataset", plain: bool
) -> Integer[np.ndarray, "level"]:
    """The values that words mean by the bits that are used of each (PS3.5 8.1.1)."""
    allocated, stored = integer(dataset, "BitsAllocated"), integer(dataset, "BitsStored")
    high, signed = integer(dataset, "HighBit", stored - 1), integer(dataset, *SIGN)
    unused = words >> (stored - 1) >> 1
    if not plain and not np.isin(unused, (0, 2 ** (allocated - stored) - 1) if signed else 0).all():
        raise UnreadableError(f"its pixels take more than the {stored} bits of its BitsStored")
    kind = np.dtype(f"{'i' if signed else 'u'}{allocated // 8}")
    return (words << (allocated - 1 - high)).view(kind) >> (allocated - stored)


def _is_padding(
    levels: Integer[np.ndarray, "level"],
    words: UInt[np.ndarray, "level"],
    dataset: "pydicom.Dataset",
) -> Bool[np.ndarray, "level"]:
    signed = levels.dtype.kind == "i"
    # Some files have 63536 for -2000, or the other way round.
    ends = [
        int(np.array(integer(dataset, keyword) & 0xFFFF, "u2").view("i2" if signed else "u2"))
        for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")
        if number(dataset, keyword) is not None
    ]
    if not ends:
        return np.zeros(len(levels), bool)
    if number(dataset, "PixelPaddingValue") is None:
        raise UnreadableError("its PixelPaddingRangeLimit is without a PixelPaddingValue")
    stored = integer(dataset, "BitsStored") - signed
    if any(end >> stored not in (0, -1 if signed else 0) for end in ends):
        # Padding that only shows in bits which are not used.
        levels = words.view(levels.dtype)
    return (levels >= min(ends)) & (levels <= max(ends))


def _rescaled(
    levels: Integer[np.ndarray, "level"], dataset: "pydicom.Dataset"
) -> Num[np.ndarray, "level"]:
    """Stored values to those that the window is given in (PS3.3 C.11.1)."""
    from pydicom import Dataset
    from pydicom.pixels.processing import apply_modality_lut

    if tables := dataset.get("ModalityLUTSequence"):
        return _looked_up(levels, tables[0], dataset)[0]
    slope, intercept = (number(dataset, f"Rescale{name}") for name in ("Slope", "Intercept"))
    if slope == 0:
        raise UnreadableError("its RescaleSlope is 0, which makes all pixels equal")
    rescaling = Dataset()
    rescaling.add_new("RescaleSlope", "FD", 1.0 if slope is None else slope)
    rescaling.add_new("RescaleIntercept", "FD", intercept or 0.0)
    return apply_modality_lut(levels, rescaling)


def _windowed(
    values: Num[np.ndarray, "level"], dataset: "pydicom.Dataset"
) -> Float[np.ndarray, "level"]:
    """The share of full brightness, 0 to 1 (PS3.3 C.11.2)."""
    low, high = values.min(), values.max()
    center, width = (number(dataset, f"Window{name}") for name in ("Center", "Width"))
    if tables := dataset.get("VOILUTSequence"):
        values, table = _looked_up(values, tables[0], dataset)
        low, high = table.min(), table.max()
    elif center is not None and width is not None:
        return _through_window(values, center, width, text(dataset, "VOILUTFunction", "LINEAR"))
    elif center is not None or width is not None:
        raise UnreadableError("it has only one of WindowCenter and WindowWidth")
    elif integer(dataset, "BitsStored") == 8 and low >= 0 and high <= 255:
        low, high = 0, 255  # so that the image is that of a PNG of the same pixels
    return np.clip((values - low) / max(high - low, 1e-9), 0, 1)


def _through_window(
    values: Num[np.ndarray, "level"], center: float, width: float, function: str
) -> Float[np.ndarray, "level"]:
    from pydicom import Dataset
    from pydicom.pixels.processing import apply_voi_lut

    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        raise UnreadableError(f"its window has the unknown form {printable(function, 40)}")
    if width <= 0 or (function == "LINEAR" and width < 1):
        raise UnreadableError(f"its window is {width:g} wide")
    # The result spans what the bits stored can hold: of a single one 0 to 1.
    window = Dataset()
    window.add_new("WindowCenter", "FD", center)
    window.add_new("WindowWidth", "FD", width)
    window.VOILUTFunction, window.PhotometricInterpretation = function, "MONOCHROME2"
    window.BitsStored, window.PixelRepresentation = 1, 0
    return apply_voi_lut(values, window)


def _looked_up(
    values: Num[np.ndarray, "level"], item: "pydicom.Dataset", dataset: "pydicom.Dataset"
) -> tuple[Num[np.ndarray, "level"], Float[np.ndarray, "entry"]]:
    """The entries of a lookup table for the values, and the whole table.

    Not by pydicom 3.0, which fails at 8-bit entries that lie two in a word (PS3.3 C.11.1.1.1),
    at modality tables of 10 to 14 bits, and after rescaling with fractions.
    """
    if not item.get("LUTDescriptor") or not item.get("LUTData"):
        raise UnreadableError("its lookup table lacks its LUTDescriptor or LUTData")
    entries, first, _ = item.LUTDescriptor
    entries = entries % 2**16 or 2**16
    if first >= 2**15 and values.min() < 0:  # signed as they are, but written as unsigned
        first -= 2**16
    words = item.LUTData
    if isinstance(words, bytes):
        words = np.frombuffer(words, "<u2" if dataset.original_encoding[1] else ">u2")
    table = np.atleast_1d(np.asarray(words)).astype("<u2")
    if len(table) == (entries + 1) // 2 and entries > 1:  # two entries of 8 bits in a word
        table = table.view(np.uint8)[:entries]
    if len(table) != entries:
        raise UnreadableError(f"its lookup table has {len(table)} entries instead of {entries}")
    table = table.astype(np.float64)
    # Clipped first: a rescaled value can be too large for an integer.
    return table[np.clip(np.rint(values - first), 0, entries - 1).astype(np.int64)], table
