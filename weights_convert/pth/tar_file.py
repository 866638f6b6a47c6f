"""The oldest container: a tar file with members `storages`, `tensors` and `pickle`."""

import tarfile
from typing import Any

import numpy as np

from weights_convert.errors import FormatError
from weights_convert.printable import brief
from weights_convert.pth.dialect import model_object, no_reference, torch_dialect
from weights_convert.pth.machine import Dialect, Global, unpickle
from weights_convert.pth.source import Cursor
from weights_convert.pth.tensors import (
    MAX_DIMENSIONS,
    Resolve,
    Storage,
    Tensor,
    Unread,
    array,
    natural,
    storage_type,
    tensor,
)

MAX_MEMBERS = 100
MAX_COUNT = 20_000  # of storages, and of tensors
BLOCK = 512  # bytes
MAX_PADDING = 2**20  # bytes of zeros at the end
# What a member's extra header may not change: where its data are, how long, or whose they are.
_CHANGES = (b" size=", b" path=", b" linkpath=", b"GNU.sparse")


def is_tar(data: memoryview) -> bool:
    """Whether the file begins with a tar header (its checksum fits)."""
    block = bytes(data[:512])
    if len(block) < 512:
        return False
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    except tarfile.HeaderError:
        return False
    return True


def read_tar(data: memoryview) -> tuple[Any, Resolve]:
    """The saved object, and the function that turns its tensors into arrays.

    Raises FormatError.
    """
    members = _members(data)
    plain = torch_dialect(no_reference)
    storages, contents = _storages(Cursor(members["storages"]), plain)
    tensors = _tensors(Cursor(members["tensors"]), plain, storages)

    def persistent(identity: Any) -> Tensor | Unread:
        # Decimal keys; a tuple stands for the source of a module's class.
        if type(identity) is tuple:
            raise model_object()
        key = str(identity)
        if not isinstance(identity, str | int) or key not in tensors:
            raise FormatError("its pickle refers to a tensor that is not there")
        return tensors[key]

    value = unpickle(Cursor(members["pickle"]), torch_dialect(persistent))

    def resolve(spec: Tensor) -> np.ndarray:
        return array(spec, contents[spec.storage.key])

    return value, resolve


def _members(data: memoryview) -> dict[str, memoryview]:
    members: dict[str, memoryview] = {}
    position, count = 0, 0
    # Not by tarfile's own walk, which follows headers back and forth.
    while (block := bytes(data[position : position + BLOCK])).strip(b"\0"):
        count += 1
        if count > MAX_MEMBERS:
            raise FormatError("its tar file has too many members")
        info = _header(block)
        start = position + BLOCK
        content = data[start : start + max(info.size, 0)]
        name = info.name.removeprefix("./")
        if len(content) != info.size:
            raise FormatError(f"its tar member {brief(name)} is cut short")
        if info.isreg() and name in members:
            raise FormatError(f"its tar member {brief(name)} occurs twice")
        if info.isreg():
            members[name] = content
        elif info.type == tarfile.XHDTYPE and not any(word in bytes(content) for word in _CHANGES):
            pass  # such as the time in more digits
        elif not info.isdir():
            raise FormatError(f"its tar member {brief(name)} is no plain file")
        position = start + -(-info.size // BLOCK) * BLOCK
    rest = bytes(data[position : position + MAX_PADDING])
    if rest.strip(b"\0") or position + len(rest) < len(data):
        raise FormatError("bytes follow the end of its tar file; save the weights anew")
    missing = [name for name in ("storages", "tensors", "pickle") if name not in members]
    if missing:
        raise FormatError(f"it is a tar file without {', '.join(missing)}, not one of torch's")
    return members


def _header(block: bytes) -> tarfile.TarInfo:
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    except tarfile.HeaderError:
        raise FormatError("its tar file is damaged or cut short; get it again") from None
    if info.isdir():
        info.size = 0
    return info


def _count(value: Any, what: str) -> int:
    count = natural(value, what)
    if count > MAX_COUNT:
        raise FormatError(f"{what} is {count:,}, more than weights need")
    return count


def _storages(cursor: Cursor, plain: Dialect) -> tuple[dict[str, Storage], dict[str, memoryview]]:
    storages: dict[str, Storage] = {}
    contents: dict[str, memoryview] = {}
    for _ in range(_count(unpickle(cursor, plain), "its number of storages")):
        record = unpickle(cursor, plain)
        if not (type(record) is tuple and len(record) == 3 and isinstance(record[2], Global)):
            raise FormatError("its description of a storage is broken")
        key = _key(record[0])
        dtype, unread = storage_type(record[2].name)
        (elements,) = cursor.unpack("q")
        storages[key] = Storage(key, dtype, natural(elements, "a storage's length"), 0, unread)
        contents[key] = cursor.take(elements * dtype.itemsize)
    views = unpickle(cursor, plain)
    if not isinstance(views, list):
        raise FormatError("its list of views is broken")
    for view in views:
        if not (type(view) is tuple and len(view) == 4):
            raise FormatError("its list of views is broken")
        target, root = _key(view[0]), storages.get(_key(view[1]))
        offset, length = natural(view[2], "a view's offset"), natural(view[3], "a view's length")
        if root is None or offset + length > root.elements:
            raise FormatError("a view reaches outside its storage")
        storages[target] = root._replace(elements=length, offset=root.offset + offset)
    return storages, contents


def _tensors(
    cursor: Cursor, plain: Dialect, storages: dict[str, Storage]
) -> dict[str, Tensor | Unread]:
    tensors: dict[str, Tensor | Unread] = {}
    for _ in range(_count(unpickle(cursor, plain), "its number of tensors")):
        record = unpickle(cursor, plain)
        if not (type(record) is tuple and len(record) == 3):
            raise FormatError("its description of a tensor is broken")
        key, storage = _key(record[0]), storages.get(_key(record[1]))
        dimensions, _padding = cursor.unpack("ii")
        if not 0 <= dimensions <= MAX_DIMENSIONS:
            raise FormatError(f"a tensor has {dimensions} dimensions")
        size = cursor.unpack(f"{dimensions}q")
        stride = cursor.unpack(f"{dimensions}q")
        (offset,) = cursor.unpack("q")
        tensors[key] = tensor(storage, offset, size, stride)
    return tensors


def _key(value: Any) -> str:
    if not isinstance(value, int | str):
        raise FormatError("its keys are neither numbers nor text")
    return str(value)
