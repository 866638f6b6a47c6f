"""Writes .safetensors as a stream: no second copy in memory, the same bytes every time.

The safetensors library, which reads here, writes metadata in an order that differs by process and
builds the whole file in memory first.
"""

import json
from collections.abc import Mapping
from typing import BinaryIO

import ml_dtypes
import numpy as np

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
