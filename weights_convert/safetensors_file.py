"""The .safetensors format: writes it as a stream, and reads what is in memory.

Own writing, since the safetensors library writes metadata in an order that differs by process and
builds the whole file in memory first.
"""

import json
from collections.abc import Mapping
from typing import BinaryIO

import ml_dtypes
import numpy as np
import safetensors

from weights_convert.errors import ConversionError

TYPES = {
    np.dtype(np.float64): "F64",
    np.dtype(np.float32): "F32",
    np.dtype(np.float16): "F16",
    np.dtype(ml_dtypes.bfloat16): "BF16",
    np.dtype(np.int64): "I64",
    np.dtype(np.int32): "I32",
    np.dtype(np.int16): "I16",
    np.dtype(np.int8): "I8",
    np.dtype(np.uint8): "U8",
    np.dtype(np.bool_): "BOOL",
}


# Which the format has too, but what is written here never is.
_READ_ONLY = {"U16": np.uint16, "U32": np.uint32, "U64": np.uint64, "C64": np.complex64}


def parsed_safetensors(content: bytes) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays and metadata of a whole file in memory.

    Raises safetensors.SafetensorError if it is damaged, KeyError at a type that NumPy lacks.
    """
    types = _READ_ONLY | {name: dtype for dtype, name in TYPES.items()}
    arrays = {
        name: np.frombuffer(tensor["data"], types[tensor["dtype"]]).reshape(tensor["shape"])
        for name, tensor in safetensors.deserialize(content)
    }
    # The library has checked the header, but gives no metadata of what is in memory.
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return arrays, header.get("__metadata__") or {}


def write_safetensors(
    stream: BinaryIO, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Header and data, as the format's specification orders them: widest types first, then names.

    Raises ConversionError naming every array whose type the format does not have.
    """
    problems = [
        f"{name}: .safetensors has no type for {array.dtype}"
        for name, array in arrays.items()
        if array.dtype not in TYPES
    ]
    if problems:
        raise ConversionError(problems)
    names = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    position = 0
    for name in names:
        array = arrays[name]
        header[name] = {
            "dtype": TYPES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [position, position + array.nbytes],
        }
        position += array.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    stream.write(len(text).to_bytes(8, "little") + text)
    for name in names:
        stream.write(np.ascontiguousarray(arrays[name]).reshape(-1).view(np.uint8).data)
