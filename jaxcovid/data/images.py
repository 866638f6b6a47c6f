"""An image file to the views that training, evaluation and audits need."""

import contextlib
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from jaxcovid.config import Fit
from jaxcovid.data import bids, dicom, png_jpeg
from jaxcovid.data.blank import few_levels, in_grey
from jaxcovid.data.dataset import MINIATURE, Header, Record
from jaxcovid.data.memory import DECODED, strips
from jaxcovid.data.preparation import (
    AS_TORCHVISION,
    Preparation,
    square,
    whole_square,
    with_intensity,
)
from jaxcovid.data.readable import MAX_BYTES, UnreadableError, check_size
from jaxcovid.data.sides import SIDES, shrunk
from jaxcovid.errors import first_line
from weights_convert.printable import printable

View = TypeVar("View")
_Pixels = UInt8[np.ndarray, "height width channel"]

# Stands for a view. TFDS 4.9 cannot read back arrays of fewer than three bytes.
NOT_KEPT = np.zeros((2, 2, 1), np.uint8)


def prepare(
    image: Image.Image,
    label: int,
    path: str,
    side: int,
    preparation: Preparation = AS_TORCHVISION,
) -> Record:
    """All views of an image of mode L or RGB, with the number of its class and its path.

    `side` is that of the view to be augmented, as in `augmentable_view`; with 0 it is `NOT_KEPT`.
    The miniature is of the image as it comes.
    """
    moved, fit = with_intensity(image, preparation.intensity), preparation.fit
    augmentable = augmentable_view(moved, side, fit) if side else NOT_KEPT
    views = augmentable, _array(square(moved, fit)), miniature(image)
    return Record(*views, label, path, few_levels(image))


def read_image(path: Path) -> Image.Image:
    """A PNG, JPEG or DICOM image as 8-bit grey or RGB, of mode L or RGB.

    Raises UnreadableError with the reason, whatever is wrong with the file.
    """
    return read_view(path, lambda image: image)


def read_view(path: Path, view: Callable[[Image.Image], View]) -> View:
    """What `view` makes of the image that `read_image` reads.

    Until it is made, other threads that read images here wait while too little memory is left.
    Raises UnreadableError as `read_image` does.
    """
    return read_described(path, view)[0]


def read_described(path: Path, view: Callable[[Image.Image], View]) -> tuple[View, Header]:
    """What `read_view` gives, and what the file says of its image; it is opened once for both."""
    with contextlib.ExitStack() as memory:
        image, header = _decoded(path, memory)
        return view(image), header


def _decoded(path: Path, memory: contextlib.ExitStack) -> tuple[Image.Image, Header]:
    def check(width: int, height: int) -> None:
        check_size(width, height)
        memory.enter_context(DECODED.taken(max(width * height, size)))

    try:
        size = _file_size(path)
        if dicom.is_dicom(path):
            return dicom.read_dicom(path, check), dicom.read_dicom_header(path)
        with png_jpeg.opened(path, check) as (image, content):
            header, pixels = png_jpeg.header(image), png_jpeg.decoded(image, content)
            if pixels is None:
                image.load()
            decoded = to_8bit(image) if pixels is None else _from_pixels(pixels)
            return ImageOps.invert(decoded) if bids.is_inverted(path) else decoded, header
    except UnreadableError:
        raise
    except FileNotFoundError:
        reason = "a link that leads nowhere" if path.is_symlink() else "there is no such file"
        raise UnreadableError(reason) from None
    except UnidentifiedImageError:
        raise UnreadableError(
            "the content is neither PNG nor JPEG, nor DICOM by its mark"
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableError(f"a decompression bomb ({error})") from None
    except Exception as error:  # decoders raise anything at broken files
        if isinstance(error, OSError) and error.errno is not None:
            raise UnreadableError(f"cannot be opened ({error.strerror})") from None
        raise UnreadableError(f"broken or cut short ({printable(first_line(error))})") from None


def _file_size(path: Path) -> int:
    status = path.stat()
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise UnreadableError("no file but a device or a pipe")
    if status.st_size == 0:
        raise UnreadableError("the file is empty")
    if status.st_size > MAX_BYTES:
        raise UnreadableError(f"the file is larger than {MAX_BYTES:,} bytes")
    return status.st_size


def to_8bit(image: Image.Image) -> Image.Image:
    """An image of any mode as one of mode L (grey) or RGB, as Pillow converts it.

    But for two differences this is what torchvision's image loader does: 16 bits are scaled to 8,
    not clipped, and a colour image whose channels are all equal becomes grey.
    """
    if image.mode in ("1", "L", "LA"):
        return image.convert("L")
    if image.mode.startswith("I") or image.mode == "F":
        return _from_16_bits(image)
    return _grey_if_alike(image if image.mode == "RGB" else image.convert("RGB"))


def _from_16_bits(image: Image.Image) -> Image.Image:
    grey = np.empty((image.height, image.width), np.uint8)
    # In strips, as what lies between takes 8 bytes a pixel.
    for top, bottom in strips(image.height, image.width):
        strip = np.asarray(image.crop((0, top, image.width, bottom)))
        grey[top:bottom] = np.clip(np.rint(strip / 257), 0, 255)
    return Image.fromarray(grey)


def _from_pixels(pixels: _Pixels) -> Image.Image:
    """Grey or RGB pixels as an image of mode L or RGB, L where all channels are equal."""
    first = pixels[:, :, 0]
    if all(np.array_equal(first, pixels[:, :, other]) for other in range(1, pixels.shape[2])):
        return Image.fromarray(np.ascontiguousarray(first))
    return Image.fromarray(pixels)


def _grey_if_alike(image: Image.Image) -> Image.Image:
    """An image of mode RGB, or its grey if all channels are equal."""
    parts = [*strips(image.height, image.width)]
    for top, bottom in parts:
        strip = image if len(parts) == 1 else image.crop((0, top, image.width, bottom))
        red, green, blue = strip.split()
        if not red.tobytes() == green.tobytes() == blue.tobytes():
            return image
    return image.getchannel(0)


def evaluation_view(
    image: Image.Image, preparation: Preparation = AS_TORCHVISION
) -> UInt8[np.ndarray, "224 224 channel"]:
    """What a network is given of an image of mode L or RGB; see `preparation`."""
    return _array(square(with_intensity(image, preparation.intensity), preparation.fit))


def augmentable_view(image: Image.Image, side: int, fit: Fit = "crop") -> _Pixels:
    """The whole image, its shorter side at most so many pixels; only ever scaled down.

    Where images are padded or squashed it is so already, its longer side at most so many pixels.

    That bounds the memory that a split takes; `sides.choose_side` says what leaves enough for
    random crops of 224 x 224. These are scaled again, so what comes first must be sharp: triangles
    (as always at the least side) one after another blur.
    """
    least = side == SIDES[0]
    sampling = Image.Resampling.BILINEAR if least else Image.Resampling.LANCZOS
    if fit != "crop":
        return _array(whole_square(image, fit, min(side, max(image.size)), sampling))
    size = shrunk(image.size, side)
    return _array(image if size == image.size else image.resize(size, sampling))


def miniature(image: Image.Image) -> UInt8[np.ndarray, "64 64 1"]:
    """The whole image in grey, squeezed into a small square."""
    grey = in_grey(image).resize((MINIATURE, MINIATURE), Image.Resampling.BILINEAR)
    return np.array(grey)[:, :, None]


def _array(image: Image.Image) -> _Pixels:
    pixels = np.array(image)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels
