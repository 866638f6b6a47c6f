"""Tensors lie inside their storage, whatever a file says of them."""

import numpy as np
import pytest

from weights_convert import FormatError
from weights_convert.pth.tensors import Storage, array, contiguous_strides, natural, tensor

STORAGE = Storage("0", np.dtype(np.float32), 6)
DATA = memoryview(np.arange(6, dtype=np.float32).tobytes())

VIEWS = {
    "whole": (0, (2, 3), (3, 1), [[0, 1, 2], [3, 4, 5]]),
    "transposed": (0, (3, 2), (1, 3), [[0, 3], [1, 4], [2, 5]]),
    "part": (1, (2,), (2,), [1, 3]),
    "scalar": (5, (), (), 5),
    "empty": (6, (0, 4), (4, 1), np.zeros((0, 4))),
    "expanded": (2, (2, 5), (1, 0), [[2] * 5, [3] * 5]),
    "step of a single element": (1, (1, 2), (2**61, 1), [[1, 2]]),
}


@pytest.mark.parametrize("case", VIEWS)
def test_views(case):
    offset, size, stride, expected = VIEWS[case]
    np.testing.assert_array_equal(array(tensor(STORAGE, offset, size, stride), DATA), expected)


OUTSIDE = {
    "beyond the end": (0, (7,), (1,), "reaches outside"),
    "by its offset": (1, (2, 3), (3, 1), "reaches outside"),
    "negative": (-1, (2,), (1,), "no natural number"),
    "several times over": (0, (4, 3), (1, 1), "several times over"),
    "expanded beyond reason": (0, (2**25,), (0,), "several times over"),
    "empty, yet of a huge size": (0, (0, 2**61), (1, 1), "beyond any memory"),
    "size without stride": (0, (2, 3), (1,), "do not belong together"),
    "many dimensions": (0, (1,) * 33, (1,) * 33, "more than 32 dimensions"),
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_what_reaches_outside_is_refused(case):
    offset, size, stride, message = OUTSIDE[case]
    with pytest.raises(FormatError, match=message):
        tensor(STORAGE, offset, size, stride)


def test_big_endian_numbers():
    data = memoryview(np.arange(6, dtype=">f4").tobytes())
    values = array(tensor(STORAGE, 0, (6,), (1,)), data, big_endian=True)
    np.testing.assert_array_equal(values, np.arange(6))
    assert values.dtype == np.float32


def test_strides_of_contiguous_arrays_are_numpys():
    for size in ((2, 3, 4), (5,), ()):
        strides = tuple(step // 4 for step in np.zeros(size, np.float32).strides)
        assert contiguous_strides(size) == strides
    assert contiguous_strides((2, 0, 3)) == (3, 3, 1)  # torch's of an empty tensor


@pytest.mark.parametrize("value", [-1, 2**48, 1.0, True, None, "3"])
def test_lengths_that_no_file_has(value):
    with pytest.raises(FormatError, match="no possible number"):
        natural(value, "a length")
