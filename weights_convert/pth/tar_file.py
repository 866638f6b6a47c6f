"""The oldest container: a tar file with members `storages`, `tensors` and `pickle`."""

import tarfile
from typing import Any

import numpy as np

from weights_convert.errors import FormatError
from weights_convert.pth.dialect import model_object, no_reference, torch_dialect
from weights_convert.pth.machine import Dialect, Global, unpickle
from weights_convert.pth.source import Cursor
from weights_convert.pth.tensors import (
    MAX_DIMENSIONS,
    Resolve,
    Storage,
    Tensor,
    array,
    natural,
    storage_type,
    tensor,
)

MAX_MEMBERS = 100


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

    def persistent(identity: Any) -> Tensor:
        # Decimal keys; a tuple stands for the source of a module's class.
        if isinstance(identity, tuple):
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
    try:
        with tarfile.open(fileobj=Cursor(data), mode="r:") as archive:
            for count, info in enumerate(archive):
                if count >= MAX_MEMBERS:
                    raise FormatError("its tar file has too many members")
                name = info.name.removeprefix("./")
                if name in members:
                    raise FormatError(f"its tar member {name!r} occurs twice")
                if not info.isreg():
                    continue
                if info.issparse() or info.offset_data + info.size > len(data):
                    raise FormatError(f"its tar member {name!r} is cut short or sparse")
                members[name] = data[info.offset_data : info.offset_data + info.size]
    except (tarfile.TarError, ValueError, OverflowError, EOFError, RecursionError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"its tar file is damaged ({error})") from None
    missing = [name for name in ("storages", "tensors", "pickle") if name not in members]
    if missing:
        raise FormatError(f"it is a tar file without {', '.join(missing)}, not one of torch's")
    return members


def _storages(cursor: Cursor, plain: Dialect) -> tuple[dict[str, Storage], dict[str, memoryview]]:
    storages: dict[str, Storage] = {}
    contents: dict[str, memoryview] = {}
    for _ in range(natural(unpickle(cursor, plain), "its number of storages")):
        record = unpickle(cursor, plain)
        if not (isinstance(record, tuple) and len(record) == 3 and isinstance(record[2], Global)):
            raise FormatError("its description of a storage is broken")
        key, dtype = _key(record[0]), storage_type(record[2].name)
        (elements,) = cursor.unpack("q")
        storages[key] = Storage(key, dtype, natural(elements, "a storage's length"))
        contents[key] = cursor.take(elements * dtype.itemsize)
    views = unpickle(cursor, plain)
    if not isinstance(views, list):
        raise FormatError("its list of views is broken")
    for view in views:
        if not (isinstance(view, tuple) and len(view) == 4):
            raise FormatError("its list of views is broken")
        target, root = _key(view[0]), storages.get(_key(view[1]))
        offset, length = natural(view[2], "a view's offset"), natural(view[3], "a view's length")
        if root is None or offset + length > root.elements:
            raise FormatError("a view reaches outside its storage")
        storages[target] = root._replace(elements=length, offset=root.offset + offset)
    return storages, contents


def _tensors(cursor: Cursor, plain: Dialect, storages: dict[str, Storage]) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for _ in range(natural(unpickle(cursor, plain), "its number of tensors")):
        record = unpickle(cursor, plain)
        if not (isinstance(record, tuple) and len(record) == 3):
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
