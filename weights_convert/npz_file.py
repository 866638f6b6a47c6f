"""NumPy's .npz, without pickles."""

import itertools
import json
import zipfile
from collections.abc import Mapping
from typing import BinaryIO

import ml_dtypes
import numpy as np

from weights_convert.errors import ConversionError, FormatError
from weights_convert.npz_header import read_header
from weights_convert.printable import brief, printable
from weights_convert.pth.tensors import Unread

METADATA = "__metadata__"
_DATE = (1980, 1, 1, 0, 0, 0)


def read_npz(
    members: Mapping[str, memoryview],
) -> tuple[dict[str, np.ndarray | Unread], dict[str, str]]:
    """Arrays and metadata from the members of the zip file. Raises FormatError.

    Arrays of a type that no weights have are Unread.
    """
    arrays = {name.removesuffix(".npy"): _array(name, data) for name, data in members.items()}
    return arrays, _metadata(arrays.pop(METADATA, None))


def _metadata(array: np.ndarray | Unread | None) -> dict[str, str]:
    if array is None:
        return {}
    try:
        entries = json.loads(str(array))
        "".join(itertools.chain(entries, entries.values())).encode()  # text, and whole characters
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise FormatError("its metadata are damaged") from None
    return entries


def write_npz(
    stream: BinaryIO, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Writes arrays and metadata as a zip file of .npy members.

    numpy.savez would store the time too; this gives the same bytes for the same arrays. Raises
    ConversionError naming every array whose type NumPy cannot store.
    """
    problems = [
        f"{printable(name)}: .npz cannot hold {array.dtype}; use .safetensors"
        for name, array in arrays.items()
        if array.dtype == ml_dtypes.bfloat16
    ]
    if problems:
        raise ConversionError(problems)
    everything = dict(arrays)
    if metadata:
        everything[METADATA] = np.array(json.dumps(dict(sorted(metadata.items()))))
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in everything.items():
            with archive.open(
                zipfile.ZipInfo(f"{name}.npy", _DATE), "w", force_zip64=True
            ) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


def _array(name: str, data: memoryview) -> np.ndarray | Unread:
    try:
        header = read_header(data)
    except FormatError as error:
        raise FormatError(f"its array {brief(name)} is damaged: {error}") from None
    is_text = header.dtype is not None and header.dtype.kind == "U"
    if header.dtype is None or (is_text and name != f"{METADATA}.npy"):
        return Unread(header.kind, header.shape)
    order = "F" if header.fortran else "C"
    array = np.ndarray(header.shape, header.dtype, data[header.start :], order=order)
    # The machine's own byte order, as in the other formats.
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
