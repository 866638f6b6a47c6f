"""Storages and tensors as a pickle describes them, and the arrays they become."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from weights_convert.errors import FormatError
from weights_convert.printable import brief, printable

# torch's storage classes. Untyped ones count in bytes.
STORAGES: dict[str, np.dtype] = {
    "FloatStorage": np.dtype(np.float32),
    "DoubleStorage": np.dtype(np.float64),
    "HalfStorage": np.dtype(np.float16),
    "BFloat16Storage": np.dtype(ml_dtypes.bfloat16),
    "LongStorage": np.dtype(np.int64),
    "IntStorage": np.dtype(np.int32),
    "ShortStorage": np.dtype(np.int16),
    "CharStorage": np.dtype(np.int8),
    "ByteStorage": np.dtype(np.uint8),
    "BoolStorage": np.dtype(np.bool_),
    "UntypedStorage": np.dtype(np.uint8),
}

# Those whose elements are only read past, with torch's name of them.
UNREAD_STORAGES = {
    "ComplexFloatStorage": ("complex64", 8),
    "ComplexDoubleStorage": ("complex128", 16),
    "QInt8Storage": ("qint8", 1),
    "QUInt8Storage": ("quint8", 1),
    "QInt32Storage": ("qint32", 4),
    "QUInt4x2Storage": ("quint4x2", 1),
    "QUInt2x4Storage": ("quint2x4", 1),
}

MAX_DIMENSIONS = 32
MAX_KEY = 100  # characters
# A tensor may show an element of its storage again and again, as torch's `expand` makes it.
MAX_EXPANDED = 2**24


class Storage(NamedTuple):
    """A run of elements that the file holds under a key."""

    key: str
    dtype: np.dtype
    elements: int
    offset: int = 0  # in elements, of a view into a larger storage
    unread: str = ""  # torch's name of an element type that is not read

    @property
    def kind(self) -> str:
        """The name of the elements' type."""
        return self.unread or self.dtype.name


class Tensor(NamedTuple):
    """A view of a storage, as yet without data; numbers in elements."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class Unread(NamedTuple):
    """A tensor of a kind that is not read."""

    kind: str
    """Its type of elements, by torch's name, or its layout."""
    size: tuple[int, ...] | None = None


# Turns tensors of one file into arrays.
Resolve = Callable[[Tensor], np.ndarray]


def tensor(
    storage: Any, offset: Any, size: Any, stride: Any, _gradient: Any = False, _hooks: Any = None,
    metadata: Any = None, *_: Any,
) -> Tensor | Unread:  # fmt: skip
    """torch._utils._rebuild_tensor_v2, checked. Raises FormatError if it reaches outside."""
    if not isinstance(storage, Storage):
        raise FormatError("a tensor is built on something that is no storage")
    if not (type(size) is tuple and type(stride) is tuple and len(size) == len(stride)):
        raise FormatError("a tensor's size and stride do not belong together")
    if len(size) > MAX_DIMENSIONS:
        raise FormatError(f"a tensor has more than {MAX_DIMENSIONS} dimensions")
    numbers = (offset, *size, *stride)
    if not all(type(number) is int and 0 <= number < 2**62 for number in numbers):
        raise FormatError("a tensor's size, stride or offset is no natural number")
    if storage.unread:
        return Unread(storage.unread, size)
    if isinstance(metadata, dict) and metadata.get("neg"):
        return Unread("negated values", size)  # its sign is not in its data
    if math.prod(length or 1 for length in size) * storage.dtype.itemsize >= 2**62:
        raise FormatError("a tensor's size is beyond any memory")
    count = math.prod(size)
    last = sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    if count and offset + last >= storage.elements:
        raise FormatError("a tensor reaches outside its storage")
    shown = math.prod(length for length, step in zip(size, stride, strict=True) if step)
    if count and (shown > storage.elements or count > max(storage.elements, MAX_EXPANDED)):
        raise FormatError("a tensor shows its storage's elements several times over")
    return Tensor(storage, offset, size, stride)


def typed_tensor(
    storage: Any, offset: Any, size: Any, stride: Any, _gradient: Any, _hooks: Any, dtype: Any,
    metadata: Any = None, *_: Any,
) -> Tensor | Unread:  # fmt: skip
    """torch._utils._rebuild_tensor_v3: of a storage of bytes. Raises FormatError."""
    kind = getattr(dtype, "name", None)
    if not isinstance(storage, Storage) or not isinstance(kind, str):
        raise FormatError("a tensor is built on something that is no storage")
    known = next((known for known in STORAGES.values() if known.name == kind), None)
    if known is None:
        return Unread(kind, size if _is_size(size) else None)
    elements, rest = divmod(storage.elements * storage.dtype.itemsize, known.itemsize)
    if rest or storage.offset or storage.unread:
        raise FormatError("a tensor does not fit its storage")
    typed = storage._replace(dtype=known, elements=elements)
    return tensor(typed, offset, size, stride, False, None, metadata)


def unread(kind: str, size: Any = None) -> Unread:
    """A tensor that is only read past."""
    return Unread(kind, size if _is_size(size) else None)


def _is_size(value: Any) -> bool:
    is_short = type(value) is tuple and len(value) <= MAX_DIMENSIONS
    return is_short and all(type(length) is int and 0 <= length < 2**62 for length in value)


def storage_type(name: str) -> tuple[np.dtype, str]:
    """The element type of torch's storage class of that name; with its name if it is not read."""
    if name in UNREAD_STORAGES:
        unread_name, size = UNREAD_STORAGES[name]
        return np.dtype((np.void, size)), unread_name
    if name not in STORAGES:
        raise FormatError(f"elements of type torch.{printable(name)} are not supported")
    return STORAGES[name], ""


def natural(value: Any, what: str) -> int:
    """The value, if it is a number of elements that a file can hold."""
    if type(value) is not int or not 0 <= value < 2**48:
        raise FormatError(f"{what} is {brief(value)}, no possible number of elements")
    return value


def array(spec: Tensor, data: memoryview, big_endian: bool = False) -> np.ndarray:
    """The tensor as a view of its storage's bytes."""
    dtype = spec.storage.dtype
    if big_endian and dtype.itemsize > 1:
        if dtype == STORAGES["BFloat16Storage"]:
            raise FormatError("bfloat16 in big-endian order is not supported")
        dtype = dtype.newbyteorder(">")
    if math.prod(spec.size) == 0:
        return np.zeros(spec.size, spec.storage.dtype)
    offset = (spec.storage.offset + spec.offset) * dtype.itemsize
    # Of a single element the step means nothing, and may be beyond what NumPy can count.
    strides = [
        step * dtype.itemsize if length > 1 else 0
        for length, step in zip(spec.size, spec.stride, strict=True)
    ]
    view = np.ndarray(spec.size, dtype, data, offset, strides)
    return view.astype(spec.storage.dtype) if big_endian else view


def contiguous_strides(size: Sequence[int]) -> tuple[int, ...]:
    """Strides that torch gives a tensor whose elements lie in order."""
    strides, step = [], 1
    for length in reversed(size):
        strides.append(step)
        step *= max(length, 1)
    return tuple(reversed(strides))
