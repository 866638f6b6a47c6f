"""The container before torch 1.6: five pickles in a row, then the storages' data."""

from typing import Any

import numpy as np

from weights_convert.errors import FormatError
from weights_convert.printable import brief
from weights_convert.pth.dialect import (
    described_storage,
    model_object,
    no_reference,
    torch_dialect,
)
from weights_convert.pth.machine import unpickle
from weights_convert.pth.source import Cursor
from weights_convert.pth.tensors import Resolve, Storage, Tensor, array, natural

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001


def read_stacked(data: memoryview) -> tuple[Any, Resolve]:
    """The saved object, and the function that turns its tensors into arrays.

    Raises FormatError.
    """
    cursor = Cursor(data)
    plain = torch_dialect(no_reference)
    if not _begins_as_torchs(data) or unpickle(cursor, plain) != MAGIC:
        raise FormatError("it is a pickle, but not one that torch.save wrote")
    if unpickle(cursor, plain) != PROTOCOL:
        raise FormatError("it has an unknown protocol version")
    system = unpickle(cursor, plain)
    if not (isinstance(system, dict) and system.get("little_endian") is True):
        raise FormatError("it was written on a big-endian machine, which is not supported")

    # The data come after the object, so storages are handed out first and read later.
    roots: dict[str, Storage] = {}

    def persistent(identity: Any) -> Storage:
        if type(identity) is tuple and identity and identity[0] == "module":
            raise model_object()
        if not (type(identity) is tuple and len(identity) == 6 and identity[0] == "storage"):
            raise FormatError("its pickle has a reference that is no storage")
        _, kind, key, _, elements, view = identity
        root = described_storage(kind, key, elements)
        if roots.setdefault(key, root) != root:
            raise FormatError(f"its storage {brief(key)} is described in two ways")
        if view is None:
            return root
        if not (type(view) is tuple and len(view) == 3):
            raise FormatError("its pickle has a broken view of a storage")
        offset, length = natural(view[1], "a view's offset"), natural(view[2], "a view's length")
        if offset + length > root.elements:
            raise FormatError("a view reaches outside its storage")
        return root._replace(elements=length, offset=offset)

    value = unpickle(cursor, torch_dialect(persistent))
    keys = unpickle(cursor, plain)
    if not (isinstance(keys, list) and all(isinstance(key, str) for key in keys)):
        raise FormatError("its list of storages is broken")
    if sorted(keys) != sorted(roots):
        raise FormatError("its list of storages does not match the storages in use")
    contents: dict[str, memoryview] = {}
    for key in keys:
        (elements,) = cursor.unpack("q")
        if elements != roots[key].elements:
            raise FormatError(f"its storage {brief(key)} has another length than the pickle says")
        contents[key] = cursor.take(elements * roots[key].dtype.itemsize)

    def resolve(spec: Tensor) -> np.ndarray:
        return array(spec, contents[spec.storage.key])

    return value, resolve


def _begins_as_torchs(data: memoryview) -> bool:
    """Whether the number comes first that torch.save writes, in whatever protocol."""
    return MAGIC.to_bytes(10, "little") in bytes(data[:32])
