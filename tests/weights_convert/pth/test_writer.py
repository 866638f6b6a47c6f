"""The zip container as it is written: metadata, alignment, types."""

import pickletools

import ml_dtypes
import numpy as np
import pytest

from tests.weights_convert import assemble
from weights_convert import ConversionError, read, save
from weights_convert.pth.dialect import torch_dialect
from weights_convert.pth.machine import unpickle
from weights_convert.pth.source import Cursor
from weights_convert.pth.tensors import Storage
from weights_convert.pth.writer import ALIGNMENT, TOGETHER, pickled
from weights_convert.pth.zip_file import MAX_METADATA

METADATA = {f"key {index}": 'Ünïcode \\ " \n' for index in range(9)}


@pytest.mark.parametrize("metadata", [METADATA, {}, None])
def test_reads_back_equal(metadata, tmp_path):
    save(tmp_path / "file.pth", {"weight": assemble.ARRAY}, metadata)
    weights = read(tmp_path / "file.pth")
    assert weights.metadata == (metadata or {})
    np.testing.assert_array_equal(weights.arrays["weight"], assemble.ARRAY)


def test_without_metadata_there_is_no_record(tmp_path):
    save(tmp_path / "file.pth", {"weight": assemble.ARRAY}, {})
    assert b"extra/" not in (tmp_path / "file.pth").read_bytes()


def test_more_than_would_be_read_is_not_written(tmp_path):
    with pytest.raises(ConversionError, match="metadata: "):
        save(tmp_path / "file.pth", {"weight": assemble.ARRAY}, {"key": "x" * MAX_METADATA})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", [np.float16, np.float64, np.int64, np.bool_, ml_dtypes.bfloat16])
def test_types_survive(kind, tmp_path):
    array = np.ones((2, 3), kind)
    save(tmp_path / "file.pth", {"weight": array, "scalar": array[0, 0]})
    arrays = read(tmp_path / "file.pth").arrays
    assert arrays["weight"].dtype == kind and arrays["scalar"].shape == ()
    np.testing.assert_array_equal(arrays["weight"], array)


def test_types_that_torch_lacks_are_all_named(tmp_path):
    with pytest.raises(ConversionError) as error:
        save(tmp_path / "file.pth", {"a": np.ones(1, np.uint64), "b": np.ones(1, "U3")})
    assert error.value.problems == (
        "a: torch has no type for uint64",
        "b: torch has no type for <U3",
    )


def test_data_are_aligned_for_mapping(tmp_path):
    arrays = {f"{index}": np.full(index + 1, 7, np.uint8) for index in range(5)}
    save(tmp_path / "file.pth", arrays)
    content = (tmp_path / "file.pth").read_bytes()
    for key, array in arrays.items():
        header = content.index(f"archive/data/{key}FB".encode())
        assert (content.index(array.tobytes(), header)) % ALIGNMENT == 0


def test_many_arrays_do_not_pile_up_on_the_readers_stack():
    pickle = pickled({str(i): np.zeros(1, np.float32) for i in range(2 * TOGETHER + 1)})
    stored = [opcode.name for opcode, _, _ in pickletools.genops(pickle)]
    assert stored.count("SETITEMS") == 3
    value = unpickle(
        Cursor(memoryview(pickle)), torch_dialect(lambda _: Storage("0", np.dtype(np.float32), 1))
    )
    assert len(value) == 2 * TOGETHER + 1
