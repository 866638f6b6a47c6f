"""Storages and tensors as a pickle describes them, and the arrays they become."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from weights_convert.errors import FormatError

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

MAX_DIMENSIONS = 32


class Storage(NamedTuple):
    """A run of elements that the file holds under a key."""

    key: str
    dtype: np.dtype
    elements: int
    offset: int = 0  # in elements, of a view into a larger storage


class Tensor(NamedTuple):
    """A view of a storage, as yet without data; numbers in elements."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


# Turns tensors of one file into arrays.
Resolve = Callable[[Tensor], np.ndarray]


def tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Tensor:
    """torch._utils._rebuild_tensor_v2, checked. Raises FormatError if it reaches outside."""
    if not isinstance(storage, Storage):
        raise FormatError("a tensor is built on something that is no storage")
    if not (isinstance(size, tuple) and isinstance(stride, tuple) and len(size) == len(stride)):
        raise FormatError("a tensor's size and stride do not belong together")
    numbers = (offset, *size, *stride)
    if not all(type(number) is int and 0 <= number < 2**62 for number in numbers):
        raise FormatError("a tensor's size, stride or offset is no natural number")
    if len(size) > MAX_DIMENSIONS:
        raise FormatError(f"a tensor has more than {MAX_DIMENSIONS} dimensions")
    count = math.prod(size)
    last = sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    if count and offset + last >= storage.elements:
        raise FormatError("a tensor reaches outside its storage")
    if count > storage.elements:
        raise FormatError("a tensor shows its storage's elements several times over")
    return Tensor(storage, offset, size, stride)


def storage_type(name: str) -> np.dtype:
    """The element type of torch's storage class of that name."""
    if name not in STORAGES:
        raise FormatError(f"elements of type torch.{name} are not supported")
    return STORAGES[name]


def natural(value: Any, what: str) -> int:
    """The value, if it is a number of elements that a file can hold."""
    if type(value) is not int or not 0 <= value < 2**48:
        raise FormatError(f"{what} is {value!r}, no possible number of elements")
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
    strides = [step * dtype.itemsize for step in spec.stride]
    view = np.ndarray(spec.size, dtype, data, offset, strides)
    return view.astype(spec.storage.dtype) if big_endian else view


def contiguous_strides(size: Sequence[int]) -> tuple[int, ...]:
    """Strides that torch gives a tensor whose elements lie in order."""
    strides, step = [], 1
    for length in reversed(size):
        strides.append(step)
        step *= max(length, 1)
    return tuple(reversed(strides))
