"""The zip container of torch 1.6 and later."""

import itertools
import json
import struct
import zipfile
import zlib
from typing import Any, NamedTuple

import numpy as np

from weights_convert.errors import FormatError
from weights_convert.pth.dialect import described_storage, torch_dialect
from weights_convert.pth.machine import unpickle
from weights_convert.pth.source import Cursor
from weights_convert.pth.tensors import Resolve, Storage, Tensor, array

MAX_PICKLE = 64 * 2**20
MAX_MEMBERS = 100_000

METADATA = "extra/metadata.json"  # where TorchScript keeps extra files; torch.load ignores it
MAX_METADATA = 2**20


class Archive(NamedTuple):
    """The members of a zip file by name, as views of the file."""

    members: dict[str, memoryview]

    def get(self, name: str, limit: int = MAX_PICKLE) -> bytes:
        """A small member's content."""
        if name not in self.members:
            raise FormatError(f"it lacks the record {name}")
        if len(self.members[name]) > limit:
            raise FormatError(f"its record {name} is {len(self.members[name]):,} bytes long")
        return bytes(self.members[name])


def read_zip(archive: Archive) -> tuple[Any, Resolve]:
    """The saved object, and the function that turns its tensors into arrays.

    Raises FormatError.
    """
    (pickled,) = (name for name in archive.members if is_pickle(name))
    root = pickled.removesuffix("data.pkl")
    if f"{root}constants.pkl" in archive.members:
        raise FormatError(
            "it is a TorchScript archive, a program; load it with torch.jit.load and save its "
            "state_dict()"
        )
    version = archive.get(f"{root}version", 100).strip()
    if not (version.isdigit() and 1 <= int(version) <= 10):
        raise FormatError(f"its format version is {version[:20]!r}, not 1 to 10")
    big_endian = False
    if f"{root}byteorder" in archive.members:
        order = archive.get(f"{root}byteorder", 100)
        if order not in (b"little", b"big"):
            raise FormatError(f"its byte order is {order[:20]!r}")
        big_endian = order == b"big"

    def persistent(identity: Any) -> Storage:
        if not (isinstance(identity, tuple) and len(identity) == 5 and identity[0] == "storage"):
            raise FormatError("its pickle has a reference that is no storage")
        _, kind, key, _, elements = identity
        storage = described_storage(kind, key, elements)
        data = archive.members.get(f"{root}data/{key}")
        if data is None:
            raise FormatError(f"it lacks the record {root}data/{key}")
        if len(data) != storage.elements * storage.dtype.itemsize:
            raise FormatError(
                f"its record {root}data/{key} has {len(data):,} bytes, but the pickle says "
                f"{storage.elements:,} elements of {storage.dtype}"
            )
        return storage

    value = unpickle(Cursor(memoryview(archive.get(pickled))), torch_dialect(persistent))

    def resolve(spec: Tensor) -> np.ndarray:
        return array(spec, archive.members[f"{root}data/{spec.storage.key}"], big_endian)

    return value, resolve


def read_metadata(archive: Archive) -> dict[str, str]:
    """The texts by key that were written beside the arrays.

    Empty if the record is anything else: foreign files may have one of that name.
    """
    (pickled,) = (name for name in archive.members if is_pickle(name))
    record = archive.members.get(pickled.removesuffix("data.pkl") + METADATA, b"")
    if len(record) > MAX_METADATA:
        return {}
    try:
        entries = json.loads(bytes(record))
        if isinstance(entries, dict) and all(isinstance(value, str) for value in entries.values()):
            "".join((*entries, *entries.values())).encode()  # halves of characters cannot be shown
            return entries
    except (ValueError, RecursionError):
        pass
    return {}


def is_pickle(name: str) -> bool:
    """Whether a member's name is that of the pickle in torch's container."""
    return name.endswith("/data.pkl") and name.count("/") == 1


def open_archive(data: memoryview) -> Archive:
    """The members of a zip file. Raises FormatError unless every one is sound and stored."""
    try:
        with zipfile.ZipFile(Cursor(data)) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, struct.error,
            EOFError, KeyError, IndexError) as error:  # fmt: skip
        raise FormatError(
            f"it begins like a zip file but is cut short or damaged ({error}); if it was "
            "downloaded, get it again"
        ) from None
    if len(infos) > MAX_MEMBERS:
        raise FormatError(f"it has {len(infos):,} records")
    members: dict[str, memoryview] = {}
    spans: list[tuple[int, int]] = []
    for info in infos:
        if info.filename in members:
            raise FormatError(f"its record {info.filename!r} occurs twice")
        content, span = _member(data, info)
        members[info.filename] = content
        spans.append(span)
    spans.sort()
    for (_, end), (start, _) in itertools.pairwise(spans):
        if start < end:
            raise FormatError("its records overlap")
    return Archive(members)


def _member(data: memoryview, info: zipfile.ZipInfo) -> tuple[memoryview, tuple[int, int]]:
    name = info.filename
    if info.flag_bits & 0x1:
        raise FormatError("it is encrypted; save the weights without a password")
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise FormatError(
            f"its record {name!r} is compressed; save the weights uncompressed, with torch.save or "
            "numpy.savez"
        )
    header = data[info.header_offset : info.header_offset + 30]
    if len(header) < 30 or bytes(header[:4]) != b"PK\x03\x04":
        raise FormatError(f"its record {name!r} has no header where the directory says")
    flags, method = struct.unpack("<HH", header[6:10])
    name_length, extra_length = struct.unpack("<HH", header[26:30])
    start = info.header_offset + 30 + name_length + extra_length
    local_name = bytes(data[info.header_offset + 30 :][:name_length])
    if local_name not in (name.encode(), info.orig_filename.encode(errors="replace")):
        raise FormatError(f"its record {name!r} has another name in its own header")
    if flags & 0x1 or method != 0:
        raise FormatError(f"its record {name!r} differs between directory and header")
    if start + info.file_size > len(data):
        raise FormatError(f"its record {name!r} reaches beyond the end of the file")
    content = data[start : start + info.file_size]
    if zlib.crc32(content) != info.CRC:
        raise FormatError(f"its record {name!r} is damaged (checksum); get the file again")
    return content, (info.header_offset, start + info.file_size)
