"""The .safetensors format: reads it, and writes it as a stream: no second copy, the same bytes.

Own writing, since the safetensors library writes metadata in an order that differs by process and
builds the whole file in memory first.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import ml_dtypes
import numpy as np
import safetensors
import safetensors.numpy

from weights_convert.errors import ConversionError, FormatError
from weights_convert.printable import printable
from weights_convert.pth.tensors import Unread

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

KINDS = {name: dtype for dtype, name in TYPES.items()}

# The format's names of types that no weights here have, by torch's names of them.
UNREAD = {
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
    "F4": "float4_e2m1fn_x2", "F6_E2M3": "float6_e2m3", "F6_E3M2": "float6_e3m2", "U16": "uint16",
    "U32": "uint32", "U64": "uint64", "C64": "complex64",
}  # fmt: skip
MAX_HEADER = 16 * 2**20  # bytes


def read_safetensors(
    data: memoryview, mapped: Path | None = None
) -> tuple[dict[str, np.ndarray | Unread], dict[str, str]]:
    """Arrays and metadata of the file with that content. Raises FormatError.

    Arrays are copies, or views of the `mapped` file if it is given; those of a type that no weights
    have are Unread.
    """
    length = int.from_bytes(data[:8], "little")
    if length > MAX_HEADER:
        raise FormatError(f"its header is {length:,} bytes long, more than weights need")
    header = _header(bytes(data[8 : 8 + length]))
    try:
        if mapped is None:
            arrays = {name: _array(tensor) for name, tensor in safetensors.deserialize(bytes(data))}
            return arrays, dict(header.get("__metadata__") or {})
        with safetensors.safe_open(mapped, "numpy") as stream:
            # In the order of the data, so that reading goes forward.
            arrays = {name: _mapped_array(stream, name) for name in stream.offset_keys()}
            return arrays, dict(stream.metadata() or {})
    except (safetensors.SafetensorError, TypeError, KeyError, ValueError) as error:
        detail = printable(str(error)[:1000], 100)
        raise FormatError(f"it looks like .safetensors but is damaged ({detail})") from None


def _array(tensor: Mapping[str, Any]) -> np.ndarray | Unread:
    kind, shape = str(tensor["dtype"]), tuple(tensor["shape"])
    if kind not in KINDS:
        return Unread(UNREAD.get(kind, kind), shape)
    return np.frombuffer(tensor["data"], KINDS[kind]).reshape(shape)


def _mapped_array(stream: Any, name: str) -> np.ndarray | Unread:
    part = stream.get_slice(name)
    kind, shape = str(part.get_dtype()), tuple(part.get_shape())
    if kind not in KINDS:
        return Unread(UNREAD.get(kind, kind), shape)
    return stream.get_tensor(name)


def _header(header: bytes) -> dict[str, Any]:
    """Refuses what readers understand in two ways: some take the first, some the last."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            raise FormatError(
                "its header has a name twice; another program could see another array"
            )
        return result

    try:
        return json.loads(header.decode(), object_pairs_hook=unique)
    except (RecursionError, UnicodeDecodeError, json.JSONDecodeError) as error:
        detail = printable(str(error), 80)
        raise FormatError(f"it looks like .safetensors but is damaged ({detail})") from None


def write_safetensors(
    stream: BinaryIO, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Header and data, as the format's specification orders them: widest types first, then names.

    Raises ConversionError naming every array whose type the format does not have.
    """
    problems = [
        f"{printable(name)}: .safetensors has no type for {array.dtype}"
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
