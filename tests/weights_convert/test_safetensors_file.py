import os
import subprocess
import sys

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from weights_convert import read, save

ARRAYS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.ones(3, np.float16)}
METADATA = {f"key {index}": 'Ünïcode \\ " \n' for index in range(9)}


def test_reads_back_equal(tmp_path):
    save(tmp_path / "file.safetensors", ARRAYS, METADATA)
    got = safetensors.numpy.load_file(tmp_path / "file.safetensors")
    assert all(np.array_equal(got[name], ARRAYS[name]) for name in ARRAYS)
    with safetensors.safe_open(tmp_path / "file.safetensors", "numpy") as stream:
        metadata = stream.metadata()
    assert len(metadata.pop("sha256")) == 64 and metadata == METADATA


@pytest.mark.parametrize("length", [0x80, 0x227B, 0x8B1F])
def test_a_header_whose_length_looks_like_another_format(length, tmp_path):
    """These begin like a pickle, like JSON and like gzip."""
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(length)
    (tmp_path / "file").write_bytes(length.to_bytes(8, "little") + header + bytes(4))
    assert read(tmp_path / "file").container == "safetensors"


@pytest.mark.parametrize("name", ["file.pth", "file.safetensors", "file.npz"])
def test_same_bytes_in_another_process(name, tmp_path):
    code = (
        "import sys; from tests.weights_convert.test_safetensors_file import *; "
        "save(sys.argv[1], ARRAYS, METADATA)"
    )
    contents = set()
    for seed in range(2):
        path = tmp_path / str(seed) / name
        path.parent.mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        subprocess.run([sys.executable, "-c", code, path], check=True, env=environment)
        contents.add(path.read_bytes())
    assert len(contents) == 1
