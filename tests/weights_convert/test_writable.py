"""What could not be read back is refused before anything is written."""

import numpy as np
import pytest

from tests.weights_convert import assemble as a
from weights_convert import ConversionError, load, save
from weights_convert.files import SUFFIXES

EVERYWHERE = {
    "empty": "",
    "long": "a" * 1001,
    "half a character": "a\ud800",
}
OF_SOME = {
    "metadata": ("__metadata__", (".safetensors", ".npz")),
    "a path upwards": ("a/../b", (".npz",)),
    "a path from the root": ("/a", (".npz",)),
    "a drive": ("c:a", (".npz",)),
    "other separators": ("a\\b", (".npz",)),
    "NUL": ("a\0b", (".npz",)),
    "NumPy's ending": ("a.npy", (".npz",)),
}
NAMES = {name: (text, SUFFIXES) for name, text in EVERYWHERE.items()} | OF_SOME


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".npz"])
@pytest.mark.parametrize("case", NAMES)
def test_names_that_cannot_be_read_back(case, suffix, tmp_path):
    name, refusing = NAMES[case]
    arrays = {"a": a.ARRAY, name: a.ARRAY + 1}
    path = tmp_path / f"x{suffix}"
    if suffix in refusing:
        with pytest.raises(ConversionError, match="cannot be the name of an array") as error:
            save(path, arrays)
        assert len(error.value.problems) == 1 and str(error.value).isprintable()
        assert not list(tmp_path.iterdir())
    else:
        save(path, arrays)
        back = load(path)
        assert set(back) == set(arrays)
        np.testing.assert_array_equal(back[name], a.ARRAY + 1)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_arrays(suffix, tmp_path):
    with pytest.raises(ConversionError, match="no arrays to write"):
        save(tmp_path / f"x{suffix}", {})
    assert not list(tmp_path.iterdir())


def test_too_many_arrays_and_texts_that_are_none(tmp_path):
    with pytest.raises(ConversionError, match="20,001 arrays are more"):
        save(tmp_path / "x.pth", dict.fromkeys(map(str, range(20_001)), a.ARRAY))
    with pytest.raises(ConversionError, match="metadata 'a': it holds halves"):
        save(tmp_path / "x.safetensors", {"a": a.ARRAY}, {"a": "\udc80"})
    assert not list(tmp_path.iterdir())
