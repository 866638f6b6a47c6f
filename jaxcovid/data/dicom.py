"""A DICOM file to the grey image that its own window shows."""

import importlib.util
import io
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt
from PIL import Image, UnidentifiedImageError

from jaxcovid.data import dicom_greys, dicom_shutter
from jaxcovid.data.dataset import Header
from jaxcovid.data.dicom_values import integer, numbers, text
from jaxcovid.data.memory import strips
from jaxcovid.data.png_jpeg import JPEG_MARK, PNG_MARK
from jaxcovid.data.readable import UnreadableError, check_scans, check_size
from weights_convert.printable import printable

if TYPE_CHECKING:
    import pydicom

SUFFIXES = (".dcm", ".dicom")
NEEDED = "DICOM needs pydicom; pip install 'jaxcovid[dicom]'"

# The mark of a DICOM file lies behind a preamble that may hold anything.
MARK, PREAMBLE = b"DICM", 128

# Ratios or lengths of a pixel's two sides.
SIDES = ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
FLOATS = ("FloatPixelData", "DoubleFloatPixelData")
GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")

# All that is parsed: a patient's name, say, is passed over.
ATTRIBUTES = (
    "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PresentationLUTSequence",
    "PresentationLUTShape", *SIDES, *GROUPS, *FLOATS, *dicom_greys.ATTRIBUTES,
    *dicom_shutter.ATTRIBUTES,
)  # fmt: skip

# Modules by which pydicom decodes more than it and Pillow can.
DECODERS = ("gdcm", "pylibjpeg", "libjpeg", "openjpeg", "jpeg_ls")


def is_dicom(path: Path) -> bool:
    """Whether a file is to be read as DICOM: by its suffix in any case, or by DICOM's mark.

    An index of a medium has the mark, but is no image.
    """
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        if not path.is_file() or path.name.upper() == "DICOMDIR":
            return False
        with path.open("rb") as file:
            start = file.read(PREAMBLE + len(MARK))
    except OSError:
        return False
    return start[PREAMBLE:] == MARK and not start.startswith((PNG_MARK, JPEG_MARK))


def read_dicom(path: Path, check: Callable[[int, int], None] = check_size) -> Image.Image:
    """The image in a DICOM file as 8-bit grey, of mode L, through its first window (PS3.3 C.11).

    The window's ends become 0 and 255, or the lowest and highest value if there is no window; 8-bit
    images without a window stay as they are. What a shutter hides is black and counts for nothing.
    Nothing but the pixels and what they mean is parsed.
    `check` is called with the width and height, in pixels, before any pixel is read.
    Raises UnreadableError without pydicom or for what is not read, and whatever pydicom raises at
    broken files.
    """
    dataset = _parsed(path, ATTRIBUTES, stop_before_pixels=True)
    check(integer(dataset, "Columns"), integer(dataset, "Rows"))
    dataset = _parsed(path, (*ATTRIBUTES, "PixelData"))
    _check(dataset)
    words = _words(dataset)
    visible = dicom_shutter.visible(dataset, *words.shape)
    spans = [slice(*ends) for ends in strips(*words.shape)]
    table = np.zeros(2 ** (8 * words.dtype.itemsize), np.uint8)
    for span in spans:
        table[words[span][visible[span]]] = 1
    # At most 65,536 levels, so each is computed once and not for every pixel.
    levels = np.flatnonzero(table).astype(words.dtype)
    table[levels] = dicom_greys.displayed(levels, dataset, _is_plain(dataset))
    greys = np.empty(words.shape, np.uint8)
    for span in spans:
        greys[span] = table[words[span]] * visible[span]
    return Image.fromarray(greys)


def read_dicom_header(path: Path) -> Header:
    """Size, colours with the bits that are used, and compression of a file that `read_dicom` reads.

    Nothing else in it is parsed.
    """
    named = ("Rows", "Columns", "PhotometricInterpretation", "BitsStored")
    dataset = _parsed(path, named, stop_before_pixels=True)
    mode = f"{dataset.PhotometricInterpretation} {dataset.BitsStored}"
    return Header(dataset.Columns, dataset.Rows, mode, dataset.file_meta.TransferSyntaxUID.name)


def read_attributes(path: Path, names: Sequence[str]) -> "pydicom.Dataset":
    """These attributes of a file, and nothing else of it. Raises as `read_dicom` does."""
    return _parsed(path, names, stop_before_pixels=True)


def software() -> tuple[str, ...]:
    """Names of the installed modules that decide which DICOM files are readable here."""
    return tuple(name for name in ("pydicom", *DECODERS) if importlib.util.find_spec(name))


def _parsed(path: Path, tags: Sequence[str], stop_before_pixels: bool = False) -> "pydicom.Dataset":
    """These attributes of a file, with or without DICOM's header and its transfer syntax."""
    try:
        from pydicom import dcmread
        from pydicom.filereader import read_file_meta_info
        from pydicom.uid import (
            DeflatedExplicitVRLittleEndian,
            ExplicitVRBigEndian,
            ExplicitVRLittleEndian,
            ImplicitVRLittleEndian,
        )
    except ImportError:
        raise UnreadableError(NEEDED) from None
    # It warns of much that does not matter here. A filter that stays, since catching warnings
    # for a while disturbs other threads.
    warnings.filterwarnings("ignore", module=r"pydicom\.|jaxcovid\.data\.dicom")
    with path.open("rb") as file:
        start = file.read(PREAMBLE + len(MARK))
    marked = start[PREAMBLE:] == MARK
    if not marked:
        _check_start(start, path.stat().st_size)
    # Before the rest is touched, which pydicom would inflate whatever its size.
    elif read_file_meta_info(path).get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        raise UnreadableError("the file is deflated, which may blow up; save it without")
    dataset = dcmread(
        path, force=True, specific_tags=list(tags), stop_before_pixels=stop_before_pixels
    )
    if not marked and "Rows" not in dataset:
        raise UnreadableError("DICOM without its header (preamble), not readable without")
    if not dataset.file_meta.get("TransferSyntaxUID"):
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    return dataset


def _check_start(start: bytes, size: int) -> None:
    """Checks whether a file without DICOM's mark can begin with DICOM's first attributes."""
    from pydicom.values import converters

    for mark, name in ((PNG_MARK, "PNG"), (JPEG_MARK, "JPEG")):
        if start.startswith(mark):
            raise UnreadableError(f"the content is not DICOM but {name}; rename the file")
    groups = (b"\x02\x00", b"\x08\x00", b"\x00\x08")  # of the header, or the first behind it
    explicit = start[4:6].decode("latin-1") in converters
    if start[:2] not in groups or not (explicit or int.from_bytes(start[4:8], "little") < size):
        raise UnreadableError("the content is not DICOM")


def _check(dataset: "pydicom.Dataset") -> None:
    if not dataset.get("PixelData"):
        floats = next((keyword for keyword in FLOATS if keyword in dataset), None)
        reason = f"are fractions ({floats}); only whole numbers are read" if floats else None
        raise UnreadableError(f"its pixels {reason}" if reason else "it holds no pixels")
    if (frames := integer(dataset, "NumberOfFrames", 1)) not in (0, 1):  # 0 is written for none
        raise UnreadableError(f"it holds {frames} frames; save the one to use as its own file")
    for keyword in GROUPS:
        if dataset.get(keyword):
            raise UnreadableError(f"its window may lie in its {keyword}, which is not read")
    colours = text(dataset, "PhotometricInterpretation", "missing")
    if colours not in ("MONOCHROME1", "MONOCHROME2") or integer(dataset, "SamplesPerPixel", 1) != 1:
        shown = printable(colours, 40)
        raise UnreadableError(f"its colours are {shown}; only MONOCHROME1 and 2 are read")
    dicom_greys.check_bits(dataset, _is_plain(dataset))
    # INVERSE belongs to MONOCHROME1, where it means the same once more (PS3.3 C.8.11.1.1.2).
    shape = text(dataset, "PresentationLUTShape", "IDENTITY")
    if shape not in ("IDENTITY", "INVERSE") or (shape, colours) == ("INVERSE", "MONOCHROME2"):
        shown = printable(shape, 40)
        raise UnreadableError(f"its PresentationLUTShape is {shown}, but its colours {colours}")
    if dataset.get("PresentationLUTSequence"):
        raise UnreadableError("its greys go through a PresentationLUTSequence, which is not read")
    for keyword in SIDES:
        sides = numbers(dataset, keyword)
        if len(sides) == 2 and min(sides) > 0 and max(sides) > 1.01 * min(sides):
            shown = " x ".join(f"{side:g}" for side in sides)
            raise UnreadableError(f"its pixels are not square ({keyword} {shown})")


def _is_plain(dataset: "pydicom.Dataset") -> bool:
    """Whether pixels are words as they lie in the file, though perhaps packed."""
    from pydicom.uid import RLELossless

    syntax = dataset.file_meta.TransferSyntaxUID
    return not syntax.is_compressed or syntax == RLELossless


def _words(dataset: "pydicom.Dataset") -> UInt[np.ndarray, "height width"]:
    """The pixels' bits, of as many bytes as are allocated, with those that mean nothing."""
    from pydicom.encaps import parse_basic_offsets
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.pixels.utils import pixel_array

    syntax = dataset.file_meta.TransferSyntaxUID
    undecodable = UnreadableError(
        f"its compression, {printable(syntax.name)}, cannot be decoded; if the file is whole, "
        "pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg"
    )
    try:
        if not get_decoder(syntax).is_available:
            raise undecodable
        if syntax.is_compressed:
            frames = len(parse_basic_offsets(dataset.PixelData))
            _check_compressed(dataset)
        else:
            if dataset["PixelData"].is_undefined_length:
                raise UnreadableError(
                    "its pixels are compressed, but its transfer syntax is missing or wrong"
                )
            size = dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8
            frames = len(dataset.PixelData) // size
        if frames > 1:
            raise UnreadableError(f"its pixels are those of {frames} frames, not of one")
        words = pixel_array(dataset, raw=True, view_only=True, correct_unused_bits=False)
    except (NotImplementedError, RuntimeError):  # what pydicom raises if all decoders failed
        raise undecodable from None
    kind = np.dtype(f"u{words.dtype.itemsize}")
    return words.view(kind.newbyteorder(words.dtype.byteorder)).astype(kind, copy=False)


def _check_compressed(dataset: "pydicom.Dataset") -> None:
    """Checks the size and scans of what Pillow will decode before it does."""
    from pydicom.encaps import get_frame
    from pydicom.uid import JPEG2000, JPEG2000Lossless, JPEGBaseline8Bit, JPEGExtended12Bit

    pillows = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEG2000, JPEG2000Lossless)
    if dataset.file_meta.TransferSyntaxUID not in pillows:
        return
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    if frame.startswith(JPEG_MARK):
        check_scans(frame, dataset.Rows * dataset.Columns)
    try:
        image = Image.open(io.BytesIO(frame), formats=("JPEG", "JPEG2000"))
    except UnidentifiedImageError:
        return  # another decoder may know it
    with image:
        if image.size != (dataset.Columns, dataset.Rows):
            raise UnreadableError(
                f"its compressed pixels are {image.width} x {image.height}, but the file says "
                f"{dataset.Columns} x {dataset.Rows}"
            )
