"""Twenty thousand spoiled files: each is read or refused, in time, within memory, without a trace."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.weights_convert import fuzzing
from tests.weights_convert.mutators import CONTAINERS, mutant

INPUTS, TOGETHER = 20_000, 4
ROOT = Path(__file__).parents[2]


def read_in_a_process(first, count, **more):
    command = [sys.executable, "-m", "tests.weights_convert.fuzzing", str(first), str(count)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"} | more
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.mark.system
@pytest.mark.parametrize("part", range(TOGETHER))
def test_no_spoiled_file_does_harm(part):
    count = INPUTS // TOGETHER
    done = read_in_a_process(part * count, count)
    last = done.stderr[-3000:]  # the number of the input that killed the process, if one did
    assert done.returncode == 0, f"{done.stdout}\n{last}"


def test_the_same_number_gives_the_same_file():
    assert [mutant(seed) for seed in range(20)] == [mutant(seed) for seed in range(20)]
    assert len({mutant(seed) for seed in range(200)}) > 150
    assert len(CONTAINERS) >= 6


HARM = {
    "another error": ("raise KeyError('x')", "KeyError"),
    "slow": ("while True: pass", "TooSlow"),
    "memory": ("bytearray(2**31)", "MemoryError"),
    "a file": ("open('file', 'w')", "for writing"),
    "a module": ("import colorsys", "imports colorsys"),
    "a process": ("import os; os.system('true')", "os.system"),
    "a connection": ("import socket; socket.socket()", "socket"),
    "a control character": (
        "error = FormatError('x'); error.args = ('\\x1b',); raise error",
        "x1b",
    ),
    "the end of the process": ("import os; os._exit(3)", ""),
}


@pytest.mark.system
@pytest.mark.parametrize("case", HARM)
def test_the_watch_notices_harm(case, tmp_path):
    """Each of these, done by a reader, stops the fuzzer with the number of the input."""
    code, message = HARM[case]
    script = tmp_path / "spoiled.py"
    script.write_text(
        "import os, socket\n"
        "from weights_convert import FormatError\n"
        "from tests.weights_convert import fuzzing\n"
        "times = [0]\n"
        "def read(path):\n"
        "    times[0] += 1\n"
        f"    if times[0] == 2:\n        {code}\n"
        "    raise FormatError('x')\n"
        "fuzzing.read = read\n"
        "raise SystemExit(fuzzing.main(1, 4))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode != 0 and message in done.stdout, done.stdout + done.stderr
    assert done.stderr.split()[-1].strip() == "2"
    if message:
        assert "fuzzing 2 1" in done.stdout


def test_limits_are_those_promised():
    assert (fuzzing.SECONDS, fuzzing.MEMORY, INPUTS) == (2, 2**30, 20_000)
