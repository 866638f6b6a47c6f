"""Files of weights in any container: what is in them, and writing them whole or not at all."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from weights_convert.errors import FormatError
from weights_convert.npz_file import read_npz, write_npz
from weights_convert.printable import printable
from weights_convert.pth.source import map_file
from weights_convert.pth.stacked_file import read_stacked
from weights_convert.pth.tar_file import is_tar, read_tar
from weights_convert.pth.tensors import Resolve
from weights_convert.pth.writer import write_pth
from weights_convert.pth.zip_file import is_pickle, read_metadata, read_zip
from weights_convert.safetensors_file import read_safetensors, write_safetensors
from weights_convert.something_else import what_else, what_else_in_folder, what_else_zipped
from weights_convert.state import pick, unwrap
from weights_convert.writable import check_names
from weights_convert.zip_archive import directory, open_archive

SUFFIXES = (".pth", ".pt", ".safetensors", ".npz")
MAX_SHOWN = 2**28  # bytes that tensors may show beyond four times what a file holds


class Weights(NamedTuple):
    """The content of a file of weights."""

    arrays: dict[str, np.ndarray]
    """By torch's name."""
    metadata: dict[str, str]
    container: str
    """The file's format, in words."""
    notes: tuple[str, ...] = ()
    """What was unwrapped or left aside, in sentences."""


def load(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The arrays of a .pth, .safetensors or .npz file, or of a run's folder, by torch's name.

    Arrays of a .pth file are read-only views of the file, not copies. Raises FormatError, OSError.
    """
    return read(path).arrays


def save(
    path: str | os.PathLike,
    arrays: Mapping[str, np.ndarray],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Writes arrays and metadata in the format that the suffix names.

    The file appears whole or not at all. Raises FormatError if the suffix is unknown,
    ConversionError naming every array that the format cannot hold, OSError.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise FormatError(
            f"cannot write {printable(path.name)}; use a name in {', '.join(SUFFIXES)}"
        )
    check_names(arrays, metadata or {}, suffix)
    with written_aside(path) as stream:
        if suffix in (".pth", ".pt"):
            write_pth(stream, arrays, metadata or {})
        elif suffix == ".safetensors":
            write_safetensors(stream, arrays, metadata or {})
        else:
            write_npz(stream, arrays, metadata or {})


def read(path: str | os.PathLike, entry: str | None = None) -> Weights:
    """Arrays, metadata and format of a file, or of a run's folder.

    The format is recognised by the content, not by the name. `entry` names the key or prefix under
    which to look where a file holds several networks, such as `ema`.

    Raises FormatError saying what the file is instead of weights, and OSError.
    """
    path = Path(path)
    if path.is_dir():
        path = _of_run(path)
    try:
        return _read(path, entry)
    except FormatError as error:
        reason = str(error)
    except OSError as error:
        if error.filename is not None:
            raise
        reason = _fault(error)
    except Exception as error:  # of what the file holds, wherever its readers met it
        reason = _fault(error)
    except BaseException as error:
        # What the safetensors library raises when it fails on its own.
        if type(error).__name__ != "PanicException":
            raise
        reason = _fault(error)
    raise FormatError(f"{printable(str(path), 1000)}: {reason}")


def _fault(error: BaseException) -> str:
    detail = printable(str(error)[:1000], 80)
    return (
        f"it cannot be read; it is damaged or no file of weights ({type(error).__name__}: {detail})"
    )


def _read(path: Path, entry: str | None) -> Weights:
    data = map_file(path)
    start = bytes(data[:512])
    # First, since the length that it begins with can look like any other format's mark.
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= len(data) - 8:
        return _picked(*read_safetensors(path, data), "safetensors", entry)
    if something_else := what_else(data):
        raise FormatError(something_else)
    if start.startswith(b"PK\x03\x04"):
        return _read_zipped(data, entry)
    if is_tar(data):
        return _unwrapped(read_tar(data), "tar (the oldest)", entry, len(data))
    if start[:1] == b"\x80":
        stacked = read_stacked(data)
        return _unwrapped(stacked, "stacked pickles (before torch 1.6)", entry, len(data))
    if start[8:9] == b"{":
        raise FormatError("it looks like .safetensors but is cut short; get it again")
    raise FormatError("it is neither .pth, .safetensors nor .npz; its content is unknown")


def _read_zipped(data: memoryview, entry: str | None) -> Weights:
    records = directory(data)
    names = [record.name for record in records]
    if something_else := what_else_zipped(names):
        raise FormatError(something_else)
    archive = open_archive(data, records)
    if sum(map(is_pickle, names)) == 1:
        container = "zip (torch 1.6 or later)"
        weights = _unwrapped(read_zip(archive), container, entry, len(data))
        return weights._replace(metadata=read_metadata(archive))
    if names and all(name.endswith(".npy") for name in names):
        return _picked(*read_npz(archive.members), "npz", entry)
    raise FormatError("it is a zip file without weights; expected a data.pkl or .npy records")


def _unwrapped(
    loaded: tuple[Any, Resolve], container: str, entry: str | None, size: int
) -> Weights:
    root, resolve = loaded
    specs, notes = unwrap(root, entry)
    arrays = {name: resolve(spec) for name, spec in specs.items()}
    # Tensors may share a storage, but not so that a small file fills the memory of who copies them.
    if sum(array.nbytes for array in arrays.values()) > 4 * size + MAX_SHOWN:
        raise FormatError("its tensors show the same numbers again and again")
    return Weights(arrays, {}, container, notes)


def _picked(
    values: Mapping[str, Any], metadata: dict[str, str], container: str, entry: str | None
) -> Weights:
    arrays, notes = pick(values, entry)
    return Weights(arrays, metadata, container, notes)


def _of_run(folder: Path) -> Path:
    for name in ("weights.safetensors", "weights.pth"):
        if (folder / name).is_file():
            return folder / name
    raise FormatError(f"{printable(str(folder), 1000)}: {what_else_in_folder(folder)}")


@contextmanager
def written_aside(path: Path) -> Iterator[BinaryIO]:
    """A stream to a file beside `path`, renamed over it at the end if all went well.

    Raises FormatError if `path` is a folder, OSError.
    """
    if path.is_dir():
        raise FormatError(f"{path} is a folder; name a file")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with _opened(partial, path) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _opened(partial: Path, path: Path) -> BinaryIO:
    try:
        return partial.open("wb")
    except OSError as error:  # of the file that the user named
        raise OSError(error.errno, error.strerror, str(path)) from None
