"""NumPy's .npz, without pickles."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import BinaryIO

import ml_dtypes
import numpy as np

from weights_convert.errors import ConversionError, FormatError

METADATA = "__metadata__"
_DATE = (1980, 1, 1, 0, 0, 0)


def read_npz(members: Mapping[str, memoryview]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays and metadata from the members of the zip file. Raises FormatError."""
    arrays = {name.removesuffix(".npy"): _array(name, data) for name, data in members.items()}
    metadata = arrays.pop(METADATA, None)
    if metadata is None:
        return arrays, {}
    try:
        entries = json.loads(str(metadata))
    except ValueError:
        raise FormatError("its metadata is broken") from None
    if not isinstance(entries, dict):
        raise FormatError("its metadata is broken")
    return arrays, {str(key): str(value) for key, value in entries.items()}


def write_npz(
    stream: BinaryIO, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Writes arrays and metadata as a zip file of .npy members.

    numpy.savez would store the time too; this gives the same bytes for the same arrays. Raises
    ConversionError naming every array whose type NumPy cannot store.
    """
    problems = [
        f"{name}: .npz cannot hold {array.dtype}; use .safetensors"
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


def _array(name: str, data: memoryview) -> np.ndarray:
    stream = io.BytesIO(data[:4096])
    try:
        version = np.lib.format.read_magic(stream)
        reader = {(1, 0): np.lib.format.read_array_header_1_0}.get(
            version, np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = reader(stream, max_header_size=4000)
        if dtype.hasobject:
            raise FormatError(f"its array {name!r} holds Python objects, which are not read")
        content = data[stream.tell() :]
        # As a view: NumPy checks that the array fits into the bytes.
        array = np.ndarray(shape, dtype, content, order="F" if fortran else "C")
        if array.nbytes != len(content):
            raise FormatError(f"its array {name!r} has another size than its header says")
    except FormatError:
        raise
    except (ValueError, TypeError, EOFError, OverflowError, SyntaxError, MemoryError) as error:
        raise FormatError(f"its array {name!r} is damaged ({error})") from None
    return array
