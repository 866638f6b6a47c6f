"""A DICOM file to the grey image that its own window shows."""

import importlib.util
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Integer, Num, UInt8
from PIL import Image

from jaxcovid.data.dataset import Header
from jaxcovid.data.readable import UnreadableError, check_size

if TYPE_CHECKING:
    import pydicom

SUFFIXES = (".dcm", ".dicom")
NEEDED = "DICOM needs pydicom; pip install 'jaxcovid[dicom]'"

# All that is parsed: a patient's name, say, is passed over.
ATTRIBUTES = (
    "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation",
    "BitsAllocated", "BitsStored", "PixelRepresentation", "PixelData",
    "ModalityLUTSequence", "RescaleSlope", "RescaleIntercept",
    "VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction",
)  # fmt: skip

# Modules by which pydicom decodes more than it and Pillow can.
DECODERS = ("gdcm", "pylibjpeg", "libjpeg", "openjpeg", "jpeg_ls")


def read_dicom(path: Path) -> Image.Image:
    """The image in a DICOM file as 8-bit grey, of mode L, through its first window (PS3.3 C.11).

    The window's ends become 0 and 255, or the lowest and highest value if there is no window; 8-bit
    images without a window stay as they are. Nothing but the pixels and what they mean is parsed.
    Raises UnreadableError without pydicom or for what is not read, and whatever pydicom raises at
    broken files.
    """
    try:
        from pydicom import dcmread
        from pydicom.errors import InvalidDicomError
        from pydicom.filereader import read_file_meta_info
    except ImportError:
        raise UnreadableError(NEEDED) from None
    # It warns of much that does not matter here. A filter that stays, since catching warnings
    # for a while disturbs other threads.
    warnings.filterwarnings("ignore", module=r"pydicom\.|jaxcovid\.data\.dicom")
    try:
        syntax = read_file_meta_info(path).get("TransferSyntaxUID")
    except InvalidDicomError:
        raise UnreadableError("the content is not DICOM") from None
    if syntax is not None and syntax.is_deflated:
        raise UnreadableError("the file is deflated, which may blow up; save it without")
    dataset = dcmread(path, specific_tags=list(ATTRIBUTES))
    _check(dataset)
    pixels = _stored(dataset)
    low = int(pixels.min())
    # At most 65,536 levels, so each is computed once and not for every pixel.
    greys = _greys(np.arange(low, int(pixels.max()) + 1), dataset)
    return Image.fromarray(greys[pixels.astype(np.int32) - low])


def read_dicom_header(path: Path) -> Header:
    """Size, colours with the bits that are used, and compression of a file that `read_dicom` reads.

    Nothing else in it is parsed.
    """
    from pydicom import dcmread

    named = ("Rows", "Columns", "PhotometricInterpretation", "BitsStored")
    dataset = dcmread(path, stop_before_pixels=True, specific_tags=list(named))
    mode = f"{dataset.PhotometricInterpretation} {dataset.BitsStored}"
    return Header(dataset.Columns, dataset.Rows, mode, dataset.file_meta.TransferSyntaxUID.name)


def is_dicom(path: Path) -> bool:
    """Whether a file has the mark of DICOM, whatever its name; an index of a medium is no image."""
    try:
        if not path.is_file() or path.name.upper() == "DICOMDIR":
            return False
        with path.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False


def software() -> tuple[str, ...]:
    """Names of the installed modules that decide which DICOM files are readable here."""
    return tuple(name for name in ("pydicom", *DECODERS) if importlib.util.find_spec(name))


def _check(dataset: "pydicom.Dataset") -> None:
    if "PixelData" not in dataset:
        raise UnreadableError("it holds no pixels")
    check_size(dataset.Columns, dataset.Rows)
    if (frames := int(dataset.get("NumberOfFrames") or 1)) != 1:
        raise UnreadableError(f"it holds {frames} frames; save the one to use as its own file")
    colours = dataset.get("PhotometricInterpretation")
    if colours not in ("MONOCHROME1", "MONOCHROME2") or dataset.get("SamplesPerPixel", 1) != 1:
        raise UnreadableError(f"its colours are {colours}; only MONOCHROME1 and 2 are read")
    if dataset.BitsAllocated not in (8, 16):
        raise UnreadableError(f"its pixels take {dataset.BitsAllocated} bits; 8 or 16 are read")


def _stored(dataset: "pydicom.Dataset") -> Integer[np.ndarray, "height width"]:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.pixels.utils import pixel_array

    syntax = dataset.file_meta.TransferSyntaxUID
    undecodable = UnreadableError(
        f"its compression, {syntax.name}, cannot be decoded; if the file is whole, "
        "pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg"
    )
    try:
        if not get_decoder(syntax).is_available:
            raise undecodable
        return pixel_array(dataset)
    except (NotImplementedError, RuntimeError):  # what pydicom raises if all decoders failed
        raise undecodable from None


def _greys(
    levels: Integer[np.ndarray, "level"], dataset: "pydicom.Dataset"
) -> UInt8[np.ndarray, "level"]:
    with np.errstate(all="ignore"):  # checked below
        shares = _windowed(_rescaled(levels, dataset), dataset)
    if not np.isfinite(shares).all():
        raise UnreadableError("its rescaling or window is beyond all numbers")
    if dataset.PhotometricInterpretation == "MONOCHROME1":  # the lowest is white
        shares = 1 - shares
    return np.rint(255 * shares).astype(np.uint8)


def _rescaled(
    levels: Integer[np.ndarray, "level"], dataset: "pydicom.Dataset"
) -> Num[np.ndarray, "level"]:
    """Stored values to those that the window is given in (PS3.3 C.11.1)."""
    if tables := dataset.get("ModalityLUTSequence"):
        return _looked_up(levels, tables[0], dataset)[0]
    slope, intercept = (_number(dataset, f"Rescale{name}") for name in ("Slope", "Intercept"))
    return levels * (1.0 if slope is None else slope) + (intercept or 0.0)


def _windowed(
    values: Num[np.ndarray, "level"], dataset: "pydicom.Dataset"
) -> Float[np.ndarray, "level"]:
    """The share of full brightness, 0 to 1 (PS3.3 C.11.2)."""
    low, high = values.min(), values.max()
    center, width = (_number(dataset, f"Window{name}") for name in ("Center", "Width"))
    if tables := dataset.get("VOILUTSequence"):
        values, table = _looked_up(values, tables[0], dataset)
        low, high = table.min(), table.max()
    elif center is not None and width is not None:
        shape = (dataset.get("VOILUTFunction") or "LINEAR").upper()
        if shape not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
            raise UnreadableError(f"its window has the unknown form {shape}")
        if width <= 0 or (shape == "LINEAR" and width < 1):
            raise UnreadableError(f"its window is {width:g} wide")
        if shape == "SIGMOID":
            return 0.5 + 0.5 * np.tanh(2 * (values - center) / width)
        if shape == "LINEAR":
            center, width = center - 0.5, width - 1
        low, high = center - width / 2, center + width / 2
    elif dataset.BitsStored == 8 and low >= 0 and high <= 255:
        low, high = 0, 255  # so that the image is that of a PNG of the same pixels
    # A window without width is a threshold.
    return np.clip((values - low) / max(high - low, 1e-9), 0, 1)


def _looked_up(
    values: Num[np.ndarray, "level"], item: "pydicom.Dataset", dataset: "pydicom.Dataset"
) -> tuple[Num[np.ndarray, "level"], Float[np.ndarray, "entry"]]:
    """The entries of a lookup table for the values, and the whole table."""
    entries, first, _ = item.LUTDescriptor
    entries = entries or 2**16
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


def _number(dataset: "pydicom.Dataset", keyword: str) -> float | None:
    """An attribute, the first of several; None if it is absent or empty."""
    value = dataset.get(keyword)
    if isinstance(value, Sequence):
        value = value[0] if value else None
    return None if value is None else float(value)
