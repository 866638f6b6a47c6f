"""Refuses names that would make a file that readers misunderstand or cannot read."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath, PureWindowsPath

from weights_convert.errors import ConversionError
from weights_convert.network_names import MAX_NAME
from weights_convert.npz_file import METADATA
from weights_convert.printable import brief

MAX_ARRAYS = 20_000


def check_names(arrays: Iterable[str], metadata: Mapping[str, str], suffix: str) -> None:
    """Whether files of that suffix can hold arrays and metadata by these names.

    Raises ConversionError naming every one that would make the file unreadable.
    """
    names = list(arrays)
    problems = [] if names else ["there are no arrays to write, and a file without any is not read"]
    problems += [
        f"{brief(name)} cannot be the name of an array in {suffix}: {reason}"
        for name in names
        if (reason := _fault(name, suffix))
    ]
    if len(names) > MAX_ARRAYS:
        problems.append(f"{len(names):,} arrays are more than the {MAX_ARRAYS:,} that are read")
    problems += [
        f"metadata {brief(key)}: {reason}"
        for key, value in metadata.items()
        if (reason := _no_text(key) or _no_text(value))
    ]
    if problems:
        raise ConversionError(problems)


def _fault(name: str, suffix: str) -> str:
    if not name or len(name) > MAX_NAME:
        return f"it has {len(name):,} characters"
    if reason := _no_text(name):
        return reason
    if name == METADATA and suffix in (".safetensors", ".npz"):
        return "it stands for the metadata"
    if suffix == ".npz":
        return _no_member(name)
    return ""


def _no_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return "it holds halves of characters"
    return ""


def _no_member(name: str) -> str:
    """Why a zip file's member cannot have that name; each is a file for programs that unpack it."""
    if "\0" in name or "\\" in name:
        return "zip files cannot keep such a character"
    if name.lower().endswith(".npy"):
        return "NumPy adds that ending itself"
    outside = PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive
    if outside or not {"", ".", ".."}.isdisjoint(name.split("/")):
        return "it is a path that leads elsewhere"
    return ""
