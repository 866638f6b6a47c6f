"""Files of weights in any container: what is in them, and writing them whole or not at all."""

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from weights_convert import digest
from weights_convert.aside import written_aside
from weights_convert.errors import FormatError
from weights_convert.npz_file import read_npz, write_npz
from weights_convert.printable import printable
from weights_convert.pth.source import file_content
from weights_convert.pth.stacked_file import read_stacked
from weights_convert.pth.tar_file import is_tar, read_tar
from weights_convert.pth.tensors import Resolve, Tensor
from weights_convert.pth.writer import write_pth
from weights_convert.pth.zip_file import METADATA, is_pickle, read_metadata, read_zip
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
    digest: str | None = None
    """The SHA-256 of the content that the file states, which is right; None if it states none."""


def load(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The arrays of a .pth, .safetensors or .npz file, or of a run's folder, by torch's name.

    Raises FormatError, OSError.
    """
    return read(path).arrays


def save(
    path: str | os.PathLike,
    arrays: Mapping[str, np.ndarray],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Writes arrays and metadata in the format that the suffix names.

    The file appears whole or not at all. Its metadata get a digest of its content, by which `read`
    notices damage; only .pth and .npz without metadata get none, as they have checksums. Raises
    FormatError if the suffix is unknown, ConversionError naming every array that the format cannot
    hold, OSError.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise FormatError(
            f"cannot write {printable(path.name)}; use a name in {', '.join(SUFFIXES)}"
        )
    metadata = dict(metadata or {})
    check_names(arrays, metadata, suffix)
    if metadata or suffix == ".safetensors":
        metadata[digest.KEY] = digest.content_digest(arrays, metadata)
    with written_aside(path) as stream:
        if suffix in (".pth", ".pt"):
            write_pth(stream, arrays, metadata)
        elif suffix == ".safetensors":
            write_safetensors(stream, arrays, metadata)
        else:
            write_npz(stream, arrays, metadata)


def read(path: str | os.PathLike, entry: str | None = None, *, mapped: bool = False) -> Weights:
    """Arrays, metadata and format of a file, or of a run's folder.

    The format is recognised by the content, not by the name. `entry` names the key or prefix under
    which to look where a file holds several networks, such as `ema`. A `mapped` file takes no
    memory, but must not be changed meanwhile.

    Raises FormatError saying what the file is instead of weights, or that it is damaged, and
    OSError.
    """
    path = Path(path)
    if not path.is_dir():
        return _read_guarded(path, entry, mapped)
    first, *others = _of_run(path)
    weights = _read_guarded(first, entry, mapped)
    for other in others:
        _check_agreement(first, weights, other)
    return weights


def _check_agreement(first: Path, weights: Weights, other: Path) -> None:
    """Raises FormatError if both files of a run hold different weights."""
    if weights.digest is not None and _stated_digest(other) == weights.digest:
        return
    arrays = _read_guarded(other, None, mapped=False).arrays
    if {*arrays} != {*weights.arrays} or not all(
        array.dtype == arrays[name].dtype and np.array_equal(array, arrays[name], equal_nan=True)
        for name, array in weights.arrays.items()
    ):
        raise FormatError(
            f"{printable(str(first.parent), 1000)}: {first.name} and {other.name} hold different "
            "weights; remove the one that is not of this run"
        )


def _stated_digest(path: Path) -> str | None:
    """What a .pth file says that the digest of its content is: its arrays are not read for it."""
    try:
        with zipfile.ZipFile(path) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith(f"/{METADATA}"))
            return json.loads(archive.read(name))[digest.KEY]
    except (zipfile.BadZipFile, OSError, ValueError, TypeError, KeyError, NotImplementedError):
        return None


def _read_guarded(path: Path, entry: str | None, mapped: bool) -> Weights:
    try:
        return _read(path, entry, mapped)
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


def _read(path: Path, entry: str | None, mapped: bool) -> Weights:
    data = file_content(path, mapped)
    start = bytes(data[:512])
    # First, since the length that it begins with can look like any other format's mark.
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= len(data) - 8:
        return _picked(*read_safetensors(data, path if mapped else None), "safetensors", entry)
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
        container, metadata = "zip (torch 1.6 or later)", read_metadata(archive)
        return _unwrapped(read_zip(archive), container, entry, len(data), metadata)
    if names and all(name.endswith(".npy") for name in names):
        return _picked(*read_npz(archive.members), "npz", entry)
    raise FormatError("it is a zip file without weights; expected a data.pkl or .npy records")


def _unwrapped(
    loaded: tuple[Any, Resolve],
    container: str,
    entry: str | None,
    size: int,
    metadata: Mapping[str, str] = MappingProxyType({}),
) -> Weights:
    root, resolve = loaded
    specs, notes = unwrap(root, entry)
    arrays = _resolved(specs, resolve, size)
    if digest.KEY in metadata:
        # Of what was written, by its names there.
        tensors = {name: spec for name, spec in root.items() if isinstance(spec, Tensor)}
        digest.check(_resolved(tensors, resolve, size), metadata)
    return _stated(arrays, metadata, container, notes)


def _resolved(specs: Mapping[str, Tensor], resolve: Resolve, size: int) -> dict[str, np.ndarray]:
    arrays = {name: resolve(spec) for name, spec in specs.items()}
    # Tensors may share a storage, but not so that a small file fills the memory of who copies them.
    if sum(array.nbytes for array in arrays.values()) > 4 * size + MAX_SHOWN:
        raise FormatError("its tensors show the same numbers again and again")
    return arrays


def _picked(
    values: Mapping[str, Any], metadata: Mapping[str, str], container: str, entry: str | None
) -> Weights:
    if digest.KEY in metadata:
        digest.check(values, metadata)
    arrays, notes = pick(values, entry)
    return _stated(arrays, metadata, container, notes)


def _stated(
    arrays: dict[str, np.ndarray],
    metadata: Mapping[str, str],
    container: str,
    notes: tuple[str, ...],
) -> Weights:
    others = {key: value for key, value in metadata.items() if key != digest.KEY}
    return Weights(arrays, others, container, notes, metadata.get(digest.KEY))


def _of_run(folder: Path) -> list[Path]:
    """The files of weights in a run's folder, first the one that is read."""
    names = ("weights.safetensors", "weights.pth")
    if files := [folder / name for name in names if (folder / name).is_file()]:
        return files
    raise FormatError(f"{printable(str(folder), 1000)}: {what_else_in_folder(folder)}")
