"""NumPy's files read as NumPy reads them, with the header taken as text alone."""

import io

import numpy as np
import pytest

from weights_convert import load
from weights_convert.npz_header import read_header

ARRAYS = {
    "float32": np.arange(6, dtype=np.float32).reshape(2, 3),
    "Fortran order": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big-endian": np.arange(6, dtype=">f8").reshape(3, 2),
    "scalar": np.array(3, np.int64),
    "empty": np.zeros((0, 4), np.float16),
    "bool": np.array([True, False]),
    "bytes": np.arange(3, dtype=np.uint8),
}


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("case", ARRAYS)
def test_headers_of_all_versions(case, version):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, ARRAYS[case], version)
    header = read_header(memoryview(stream.getvalue()))
    assert header.shape == ARRAYS[case].shape and header.dtype == ARRAYS[case].dtype
    assert header.fortran == (case == "Fortran order")
    assert stream.getvalue()[header.start :] == ARRAYS[case].tobytes("A")


def test_values_are_numpys(tmp_path):
    np.savez(tmp_path / "x.npz", allow_pickle=False, **ARRAYS)
    ours = load(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as theirs:
        assert set(ours) == set(theirs)
        for name, array in theirs.items():
            np.testing.assert_array_equal(ours[name], array)
            assert ours[name].dtype == array.dtype.newbyteorder("=")
            assert ours[name].dtype.isnative
