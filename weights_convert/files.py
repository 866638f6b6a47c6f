"""Files of weights in any container: what is in them, and writing them whole or not at all."""

import json
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors
import safetensors.numpy

from weights_convert import digest
from weights_convert.aside import written_aside
from weights_convert.errors import FormatError
from weights_convert.npz_file import read_npz, write_npz
from weights_convert.pth.source import file_content
from weights_convert.pth.stacked_file import read_stacked
from weights_convert.pth.tar_file import is_tar, read_tar
from weights_convert.pth.tensors import Resolve
from weights_convert.pth.writer import write_pth
from weights_convert.pth.zip_file import METADATA, is_pickle, open_archive, read_metadata, read_zip
from weights_convert.safetensors_file import parsed_safetensors, write_safetensors
from weights_convert.state import unwrap

SUFFIXES = (".pth", ".pt", ".safetensors", ".npz")


class Weights(NamedTuple):
    """The content of a file of weights."""

    arrays: dict[str, np.ndarray]
    """By torch's name."""
    metadata: dict[str, str]
    container: str
    """The file's format, in words."""
    notes: tuple[str, ...] = ()
    """What was unwrapped or left aside, in sentences."""
    checked: bool = False
    """Whether the file has a digest of its content, which then is that of the content."""


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
    metadata = dict(metadata or {})
    if metadata or suffix == ".safetensors":
        metadata[digest.KEY] = digest.content_digest(arrays, metadata)
    with written_aside(path) as stream:
        if suffix in (".pth", ".pt"):
            write_pth(stream, arrays, metadata)
        elif suffix == ".safetensors":
            write_safetensors(stream, arrays, metadata)
        elif suffix == ".npz":
            write_npz(stream, arrays, metadata)
        else:
            raise FormatError(f"cannot write {path.name}; use a name in {', '.join(SUFFIXES)}")


def read(path: str | os.PathLike, *, mapped: bool = False) -> Weights:
    """Arrays, metadata and format of a file, or of a run's folder.

    The format is recognised by the content, not by the name. A `mapped` file takes no memory, but
    must not be changed meanwhile. Raises FormatError saying what the file is instead of weights, or
    that it is damaged, and OSError.
    """
    path = Path(path)
    if not path.is_dir():
        return _read_checked(path, mapped)[0]
    first, *others = _of_run(path)
    weights, stated = _read_checked(first, mapped)
    for other in others:
        _check_agreement(first, weights, stated, other)
    return weights


def _read_checked(path: Path, mapped: bool) -> tuple[Weights, str | None]:
    """What the file holds, and the digest that it states."""
    try:
        weights = _read(path, mapped)
        metadata = digest.checked(weights.arrays, weights.metadata)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    stated = weights.metadata.get(digest.KEY)
    return weights._replace(metadata=metadata, checked=stated is not None), stated


def _check_agreement(first: Path, weights: Weights, stated: str | None, other: Path) -> None:
    """Raises FormatError if both files of a run hold different weights."""
    if stated is not None and _stated_digest(other) == stated:
        return
    arrays = _read_checked(other, mapped=False)[0].arrays
    if {*arrays} != {*weights.arrays} or not all(
        array.dtype == arrays[name].dtype and np.array_equal(array, arrays[name], equal_nan=True)
        for name, array in weights.arrays.items()
    ):
        raise FormatError(
            f"{first.parent}: {first.name} and {other.name} hold different weights; remove the one "
            "that is not of this run"
        )


def _stated_digest(path: Path) -> str | None:
    """What a .pth file says that the digest of its content is: its arrays are not read for it."""
    try:
        with zipfile.ZipFile(path) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith(f"/{METADATA}"))
            return json.loads(archive.read(name))[digest.KEY]
    except (zipfile.BadZipFile, OSError, ValueError, TypeError, KeyError, NotImplementedError):
        return None


def _read(path: Path, mapped: bool) -> Weights:
    data = file_content(path, mapped)
    start = bytes(data[:512])
    # First, since the length that it begins with can look like any other format's mark.
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= len(data) - 8:
        return _read_safetensors(path if mapped else bytes(data))
    for applies, reason in _SOMETHING_ELSE:
        if applies(start):
            raise FormatError(reason)
    if start.startswith(b"PK\x03\x04"):
        archive = open_archive(data)
        names = list(archive.members)
        if sum(map(is_pickle, names)) == 1:
            weights = _unwrapped(read_zip(archive), "zip (torch 1.6 or later)")
            return weights._replace(metadata=read_metadata(archive))
        if names and all(name.endswith(".npy") for name in names):
            return Weights(*read_npz(archive.members), "npz")
        raise FormatError("it is a zip file without weights; expected a data.pkl or .npy records")
    if is_tar(data):
        return _unwrapped(read_tar(data), "tar (the oldest)")
    if start[:1] == b"\x80":
        return _unwrapped(read_stacked(data), "stacked pickles (before torch 1.6)")
    if start[8:9] == b"{":
        raise FormatError("it looks like .safetensors but is cut short; get it again")
    raise FormatError("it is neither .pth, .safetensors nor .npz; its content is unknown")


def _unwrapped(loaded: tuple[Any, Resolve], container: str) -> Weights:
    root, resolve = loaded
    specs, notes = unwrap(root)
    return Weights({name: resolve(spec) for name, spec in specs.items()}, {}, container, notes)


def _read_safetensors(source: Path | bytes) -> Weights:
    try:
        if isinstance(source, bytes):
            return Weights(*parsed_safetensors(source), "safetensors")
        with safetensors.safe_open(source, "numpy") as stream:
            # In the order of the data, so that reading goes forward.
            arrays = {name: stream.get_tensor(name) for name in stream.offset_keys()}
            metadata = dict(stream.metadata() or {})
    except (safetensors.SafetensorError, TypeError, KeyError, ValueError, AttributeError) as error:
        raise FormatError(f"it looks like .safetensors but is damaged ({error})") from None
    return Weights(arrays, metadata, "safetensors")


def _of_run(folder: Path) -> list[Path]:
    """The files of weights in a run's folder, first the one that is read."""
    names = ("weights.safetensors", "weights.pth")
    if files := [folder / name for name in names if (folder / name).is_file()]:
        return files
    raise FormatError(f"{folder}: a folder without weights.safetensors, not a finished run")


# What people save under the name of weights by mistake.
_SOMETHING_ELSE: tuple[tuple[Callable[[bytes], bool], str], ...] = (
    (
        lambda start: start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")),
        "it is a web page, not weights; the download link led to a page: get the file itself",
    ),
    (
        lambda start: start.startswith(b"version https://git-lfs"),
        "it is a git-lfs pointer, not the file itself; run `git lfs pull`",
    ),
    (
        lambda start: start.startswith(b"\x1f\x8b"),
        "it is compressed with gzip; unpack it first",
    ),
    (
        lambda start: start.startswith((b"PK\x05\x06", b"PK\x07\x08")),
        "it is an empty or split zip file, not weights",
    ),
    (
        lambda start: start.startswith(b"\x89HDF"),
        "it is an HDF5 file, as Keras writes; only PyTorch's formats are read",
    ),
    (
        lambda start: start.startswith((b"\x89PNG", b"\xff\xd8\xff", b"%PDF", b"GIF8")),
        "it is a picture or document, not weights",
    ),
    (
        lambda start: start.lstrip().startswith((b'{"', b"{'", b"[")),
        "it is a JSON text, perhaps a server's error message, not weights",
    ),
)
