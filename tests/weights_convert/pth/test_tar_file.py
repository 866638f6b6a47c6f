"""The oldest container: several arrays, views of a storage, what is missing."""

import numpy as np
import pytest

from tests.weights_convert import assemble
from weights_convert import FormatError, read
from weights_convert.pth.tar_file import is_tar, read_tar


def test_arrays_of_several_types_and_shapes():
    rng = np.random.default_rng(0)
    arrays = {
        "weight": rng.normal(size=(4, 3, 2)).astype(np.float32),
        "count": np.arange(5, dtype=np.int64),
    }
    root, resolve = read_tar(memoryview(assemble.tarred(arrays)))
    assert list(root) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(resolve(root[name]), array)


@pytest.mark.parametrize("missing", ["storages", "tensors"])
def test_a_missing_member_is_named(missing):
    content = assemble.tarred(**{missing: None})
    with pytest.raises(FormatError, match=f"without {missing}, not one of torch's"):
        read_tar(memoryview(content))


def test_only_a_sound_header_begins_a_tar_file(tmp_path):
    content = assemble.tarred()
    assert is_tar(memoryview(content))
    assert not is_tar(memoryview(content[:511]))
    assert not is_tar(memoryview(b"x" + content[1:]))
    (tmp_path / "file").write_bytes(content)
    assert read(tmp_path / "file").container == "tar (the oldest)"
