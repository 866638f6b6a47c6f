"""The content tells the format; a file appears whole or not at all."""

import numpy as np
import pytest

import weights_convert
from tests.weights_convert import assemble
from weights_convert import FormatError
from weights_convert.files import SUFFIXES

CONTAINERS = {
    "zip": (assemble.zipped(), "zip (torch 1.6 or later)"),
    "stacked": (assemble.stacked(), "stacked pickles (before torch 1.6)"),
    "tar": (assemble.tarred(), "tar (the oldest)"),
}


@pytest.mark.parametrize("name", ["file.pth", "file.safetensors", "file"])
@pytest.mark.parametrize("case", CONTAINERS)
def test_the_format_is_that_of_the_content(case, name, tmp_path):
    content, container = CONTAINERS[case]
    (tmp_path / name).write_bytes(content)
    weights = weights_convert.read(tmp_path / name)
    assert weights.container == container
    np.testing.assert_array_equal(weights.arrays["weight"], assemble.ARRAY)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_saved_is_loaded(suffix, tmp_path):
    weights_convert.save(tmp_path / f"file{suffix}", {"weight": assemble.ARRAY})
    arrays = weights_convert.load(tmp_path / f"file{suffix}")
    np.testing.assert_array_equal(arrays["weight"], assemble.ARRAY)


@pytest.mark.parametrize("first", ["weights.safetensors", "weights.pth"])
def test_a_runs_folder_stands_for_its_weights(first, tmp_path):
    with pytest.raises(FormatError, match="not a finished run"):
        weights_convert.read(tmp_path)
    weights_convert.save(tmp_path / first, {"weight": assemble.ARRAY})
    assert list(weights_convert.load(tmp_path)) == ["weight"]
