import os
import subprocess
import sys

import numpy as np
import safetensors
import safetensors.numpy

from weights_convert.safetensors_file import serialize

ARRAYS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.ones(3, np.float16)}
METADATA = {f"key {index}": 'Ünïcode \\ " \n' for index in range(9)}


def test_reads_back_equal(tmp_path):
    (tmp_path / "file").write_bytes(serialize(ARRAYS, METADATA))
    got = safetensors.numpy.load_file(tmp_path / "file")
    assert all(np.array_equal(got[name], ARRAYS[name]) for name in ARRAYS)
    with safetensors.safe_open(tmp_path / "file", "numpy") as stream:
        assert stream.metadata() == METADATA


def test_same_bytes_in_another_process():
    code = (
        "import hashlib; from tests.weights_convert.test_safetensors_file import *; "
        "print(hashlib.sha256(serialize(ARRAYS, METADATA)).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
        ).stdout
        for seed in range(3)
    }
    assert len(digests) == 1
