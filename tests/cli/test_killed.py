"""SIGKILL at any instant leaves nothing half-written, and the next command sweeps up."""

import csv
import json
import os
import subprocess
import sys
import time

import pytest

from tests.small_runs import noise_folder

pytestmark = pytest.mark.system

INSTANTS = 10


def command(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "jaxcovid.cli", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process, code=0):
    _, errors = process.communicate(timeout=120)
    assert process.returncode == code, errors


def seconds_of(start):
    begun = time.perf_counter()
    finish(start())
    return time.perf_counter() - begun


def killed_after(process, seconds):
    time.sleep(seconds)
    process.kill()
    process.communicate()


def partials(folder):
    return [path for path in folder.rglob("*") if path.name.endswith(".partial")]


def test_predict_killed_while_it_writes(finished, tmp_path):
    xrays = noise_folder(tmp_path / "xrays", 40, 1) / "train"
    target = tmp_path / "out" / "answers.csv"
    target.parent.mkdir()

    def predict():
        return command("predict", finished, xrays, "--csv", target)

    whole = seconds_of(predict)
    expected = target.read_bytes()
    for instant in range(INSTANTS):
        target.write_text("of before\n")
        # Most of the time goes by before the file is begun.
        killed_after(predict(), whole * (0.5 + 0.5 * instant / INSTANTS))
        assert target.read_bytes() in (b"of before\n", expected), instant
    finish(predict())
    assert target.read_bytes() == expected
    assert [path.name for path in target.parent.iterdir()] == ["answers.csv"]
    assert len(list(csv.reader(target.open(newline="")))) == 81
