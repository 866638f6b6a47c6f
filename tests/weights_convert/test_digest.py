"""What was changed in a file of weights is noticed when it is read."""

import json
import random
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from weights_convert import FormatError, load, read, save
from weights_convert.digest import content_digest

ARRAYS = {
    "fc.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "fc.bias": np.zeros(2, np.float32),
    "counter": np.array(7, np.int64),
}
METADATA = {"classes": json.dumps(["covid", "normal"]), "head": "{}"}
OTHERS = {
    "a value": ({**ARRAYS, "counter": np.array(8, np.int64)}, METADATA),
    "a negative zero": ({**ARRAYS, "fc.bias": np.array([0, -0.0], np.float32)}, METADATA),
    "a name": ({**ARRAYS, "fc.bias2": ARRAYS["fc.bias"]}, METADATA),
    "a type": ({**ARRAYS, "fc.bias": ARRAYS["fc.bias"].astype(np.float16)}, METADATA),
    "a shape": ({**ARRAYS, "fc.weight": ARRAYS["fc.weight"].reshape(3, 2)}, METADATA),
    "an array less": ({"counter": ARRAYS["counter"]}, METADATA),
    "the metadata": (ARRAYS, {**METADATA, "classes": json.dumps(["normal", "covid"])}),
    "no metadata": (ARRAYS, {}),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_content_has_another_digest(case):
    assert content_digest(*OTHERS[case]) != content_digest(ARRAYS, METADATA)


def test_the_order_and_the_digest_itself_do_not_matter():
    turned = dict(reversed(ARRAYS.items()))
    assert content_digest(turned, {**METADATA, "sha256": "x"}) == content_digest(ARRAYS, METADATA)


@pytest.mark.parametrize("mapped", [True, False])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_flipped_bit_is_told_or_changes_nothing(suffix, mapped, tmp_path):
    path = tmp_path / f"weights{suffix}"
    save(path, ARRAYS, METADATA)
    whole, content = read(path, mapped=mapped), path.read_bytes()
    assert whole.metadata == METADATA
    generator, told = random.Random(0), 0
    for position in generator.sample(range(len(content)), 200):
        changed = bytearray(content)
        changed[position] ^= 1 << generator.randrange(8)
        (tmp_path / "changed").write_bytes(changed)
        try:
            weights = read(tmp_path / "changed", mapped=mapped)
        except FormatError:
            told += 1
            continue
        for name, array in ARRAYS.items():
            assert weights.arrays[name].tobytes() == array.tobytes(), position
        assert METADATA.items() <= weights.metadata.items(), position
    assert told > 50  # much of the zip container is padding


def test_a_changed_file_says_so(tmp_path):
    path = tmp_path / "weights.safetensors"
    save(path, ARRAYS, METADATA)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"weights\.safetensors: its content differs from what"):
        load(path)


def test_files_without_a_digest_are_read(tmp_path):
    safetensors.numpy.save_file(ARRAYS, tmp_path / "w.safetensors", METADATA)
    assert read(tmp_path / "w.safetensors").metadata == METADATA
    save(tmp_path / "w.pth", ARRAYS)
    assert read(tmp_path / "w.pth").metadata == {}


@pytest.mark.parametrize("mapped", [True, False])
def test_every_type_that_is_written_is_read(mapped, tmp_path):
    arrays = {
        np.dtype(kind).name: np.array([[1, 0]], kind)
        for kind in (ml_dtypes.bfloat16, np.float16, np.float64, np.int8, np.uint8, np.bool_)
    }
    save(tmp_path / "w.safetensors", arrays)
    got = read(tmp_path / "w.safetensors", mapped=mapped).arrays
    assert {name: array.dtype for name, array in got.items()} == {
        name: array.dtype for name, array in arrays.items()
    }
    assert all(got[name].tobytes() == arrays[name].tobytes() for name in arrays)


def run_folder(folder, first=ARRAYS, second=ARRAYS):
    save(folder / "weights.safetensors", first, METADATA)
    save(folder / "weights.pth", second, METADATA)
    return folder


def test_weights_of_a_run_that_agree_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("weights_convert.files.open_archive", None)  # the digests are enough
    assert read(run_folder(tmp_path)).metadata == METADATA


def without_digests(folder):
    safetensors.numpy.save_file(ARRAYS, folder / "weights.safetensors", METADATA)
    save(folder / "weights.pth", OTHERS["a value"][0])


DISAGREEING = {
    "of another run": lambda folder: run_folder(folder, second=OTHERS["a value"][0]),
    "of another architecture": lambda folder: run_folder(folder, second={"x": ARRAYS["fc.bias"]}),
    "of earlier versions": without_digests,
}


@pytest.mark.parametrize("case", DISAGREEING)
def test_weights_of_a_run_that_disagree_are_told(case, tmp_path):
    DISAGREEING[case](tmp_path)
    message = r"weights\.safetensors and weights\.pth hold different weights"
    with pytest.raises(FormatError, match=message):
        read(tmp_path)
    (tmp_path / "weights.pth").unlink()
    assert read(tmp_path).metadata == METADATA


def test_the_same_weights_without_digests_agree(tmp_path):
    without_digests(tmp_path)
    save(tmp_path / "weights.pth", ARRAYS)
    assert read(tmp_path).metadata == METADATA


USER = """
import sys
import numpy as np
from weights_convert import read
arrays = read(sys.argv[1]).arrays
open(sys.argv[1], "r+b").truncate(0)
print(sum(float(np.sum(array)) for array in arrays.values()))
"""


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".npz"])
def test_a_file_that_is_cut_while_its_arrays_are_in_use_kills_nobody(suffix, tmp_path):
    path = tmp_path / f"weights{suffix}"
    save(path, {"weight": np.ones(1_000_000, np.float32)})
    ended = subprocess.run([sys.executable, "-c", USER, path], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "1000000.0\n"), ended.stderr
