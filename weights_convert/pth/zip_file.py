"""The zip container of torch 1.6 and later."""

import json
from typing import Any

import numpy as np

from weights_convert.errors import FormatError
from weights_convert.printable import brief
from weights_convert.pth.dialect import described_storage, torch_dialect
from weights_convert.pth.machine import unpickle
from weights_convert.pth.source import Cursor
from weights_convert.pth.tensors import Resolve, Storage, Tensor, array
from weights_convert.zip_archive import Archive

METADATA = "extra/metadata.json"  # where TorchScript keeps extra files; torch.load ignores it
MAX_METADATA = 2**20


def read_zip(archive: Archive) -> tuple[Any, Resolve]:
    """The saved object, and the function that turns its tensors into arrays.

    Raises FormatError.
    """
    (pickled,) = (name for name in archive.members if is_pickle(name))
    root = pickled.removesuffix("data.pkl")
    version = archive.get(f"{root}version", 100).strip()
    if not (version.isdigit() and 1 <= int(version) <= 10):
        raise FormatError("its format version is not 1 to 10")
    big_endian = False
    if f"{root}byteorder" in archive.members:
        order = archive.get(f"{root}byteorder", 100)
        if order not in (b"little", b"big"):
            raise FormatError("its byte order is neither little nor big")
        big_endian = order == b"big"

    def persistent(identity: Any) -> Storage:
        if not (type(identity) is tuple and len(identity) == 5 and identity[0] == "storage"):
            raise FormatError("its pickle has a reference that is no storage")
        _, kind, key, _, elements = identity
        storage = described_storage(kind, key, elements)
        data = archive.members.get(f"{root}data/{key}")
        if data is None:
            raise FormatError(f"it lacks the record {brief(key)}")
        if len(data) != storage.elements * storage.dtype.itemsize:
            raise FormatError(
                f"its record {brief(key)} has {len(data):,} bytes, but the pickle says "
                f"{storage.elements:,} elements of {storage.kind}"
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
        entries = json.loads(bytes(record).decode())
        if isinstance(entries, dict) and all(isinstance(value, str) for value in entries.values()):
            "".join((*entries, *entries.values())).encode()  # halves of characters cannot be shown
            return entries
    except (ValueError, RecursionError):
        pass
    return {}


def is_pickle(name: str) -> bool:
    """Whether a member's name is that of the pickle in torch's container."""
    return name.endswith("/data.pkl") and name.count("/") == 1
