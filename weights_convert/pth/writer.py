"""Writes the zip container so that every torch.load(weights_only=True) reads it.

The opcodes are emitted by hand: those of Python's pickle would name this package's classes and use
some that torch's restricted unpickler does not know. The records are laid out by hand, since
zipfile cannot align them for mmap. The same arrays and metadata give the same bytes.
"""

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import BinaryIO

import numpy as np

from weights_convert.errors import ConversionError
from weights_convert.printable import printable
from weights_convert.pth.tensors import STORAGES, contiguous_strides
from weights_convert.pth.zip_file import MAX_METADATA, METADATA

ROOT = "archive"
ALIGNMENT = 64
TOGETHER = 1000  # items that lie on a reader's stack at once, as in Python's pickles
_NAMES = {dtype: name for name, dtype in STORAGES.items() if name != "UntypedStorage"}
_DOS_DATE = 0x21  # 1 January 1980, the same for every file


def write_pth(
    stream: BinaryIO, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Writes a state_dict, one storage for each array, without copying the arrays.

    Metadata, if any, are a record of their own that torch.load ignores. Raises ConversionError
    naming every array whose type torch does not have.
    """
    problems = [
        f"{printable(name)}: torch has no type for {array.dtype}"
        for name, array in arrays.items()
        if array.dtype not in _NAMES
    ]
    described = json.dumps(dict(sorted(metadata.items()))).encode() if metadata else b""
    if len(described) > MAX_METADATA:
        problems.append(f"metadata: {len(described):,} bytes; .pth takes {MAX_METADATA:,}")
    if problems:
        raise ConversionError(problems)
    central: list[bytes] = []
    position = 0
    for name, content in _records(arrays, described):
        header, entry = _headers(name, content, position)
        stream.write(header)
        stream.write(content)
        central.append(entry)
        position += len(header) + len(content)
    directory = b"".join(central)
    stream.write(directory)
    stream.write(_end(len(central), len(directory), position))


def _records(arrays: Mapping[str, np.ndarray], metadata: bytes) -> Iterator[tuple[str, memoryview]]:
    yield "data.pkl", memoryview(pickled(arrays))
    yield "byteorder", memoryview(b"little")
    for key, array in enumerate(arrays.values()):
        contiguous = np.ascontiguousarray(array)
        # Through bytes, since bfloat16 has no buffer format of its own.
        yield f"data/{key}", contiguous.reshape(-1).view(np.uint8).data
    if metadata:
        yield METADATA, memoryview(metadata)
    yield "version", memoryview(b"3\n")


def pickled(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The state_dict as a pickle of protocol 2."""
    parts = [b"\x80\x02", b"ccollections\nOrderedDict\n", b")R"]
    parts.append(b"(")
    for key, (name, array) in enumerate(arrays.items()):
        if key and key % TOGETHER == 0:
            parts.append(b"u(")
        strides = contiguous_strides(array.shape)
        parts += [
            _text(name),
            b"ctorch._utils\n_rebuild_tensor_v2\n(",
            b"(" + _text("storage") + b"ctorch\n" + _NAMES[array.dtype].encode() + b"\n",
            _text(str(key)) + _text("cpu") + _integer(array.size) + b"tQ",
            _integer(0),
            b"(" + b"".join(map(_integer, array.shape)) + b"t",
            b"(" + b"".join(map(_integer, strides)) + b"t",
            b"\x89",  # does not require a gradient
            b"ccollections\nOrderedDict\n)R",  # no hooks
            b"tR",
        ]
    parts += [b"u", b"."]
    return b"".join(parts)


def _text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def _integer(value: int) -> bytes:
    if value < 2**31:
        return b"J" + struct.pack("<i", value)
    return b"\x8a\x08" + struct.pack("<q", value)


def _headers(name: str, content: memoryview, position: int) -> tuple[bytes, bytes]:
    """The local header, padded so that the content is aligned, and the directory's entry."""
    encoded = f"{ROOT}/{name}".encode()
    size, checksum = len(content), zlib.crc32(content)
    # Sizes of 4 GiB and offsets beyond go to a zip64 field; the local header's holds sizes only.
    large = size >= 0xFFFFFFFF
    sizes = struct.pack("<HHQQ", 1, 16, size, size) if large else b""
    padding = -(position + 30 + len(encoded) + len(sizes) + 4) % ALIGNMENT
    extra = sizes + b"FB" + struct.pack("<H", padding) + b"Z" * padding
    short = 0xFFFFFFFF if large else size
    version = 45 if large or position >= 0xFFFFFFFF else 20
    common = struct.pack("<HHHHHIII", version, 0x800, 0, 0, _DOS_DATE, checksum, short, short)
    local = b"PK\x03\x04" + common + struct.pack("<HH", len(encoded), len(extra)) + encoded + extra

    fields = [size, size] if large else []
    fields += [position] if position >= 0xFFFFFFFF else []
    zip64 = struct.pack(f"<HH{len(fields)}Q", 1, 8 * len(fields), *fields) if fields else b""
    entry = b"PK\x01\x02" + struct.pack("<H", version) + common
    entry += struct.pack(
        "<HHHHHII", len(encoded), len(zip64), 0, 0, 0, 0, min(position, 0xFFFFFFFF)
    )
    return local, entry + encoded + zip64


def _end(count: int, size: int, offset: int) -> bytes:
    """The end of the central directory, with zip64's if the numbers need it."""
    end64 = b""
    if offset >= 0xFFFFFFFF or count >= 0xFFFF:
        end64 = b"PK\x06\x06" + struct.pack(
            "<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, size, offset
        )
        end64 += b"PK\x06\x07" + struct.pack("<IQI", 0, offset + size, 1)
    short = min(count, 0xFFFF)
    return (
        end64
        + b"PK\x05\x06"
        + struct.pack("<HHHHIIH", 0, 0, short, short, size, min(offset, 0xFFFFFFFF), 0)
    )
