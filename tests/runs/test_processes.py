"""Several real processes on this machine, kills, signals and full disks."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time

import numpy as np
import pytest

from tests.forks import Server
from tests.small_runs import assert_same, noise_folder, numbers

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """16 training images in epochs of 8 steps."""
    return noise_folder(tmp_path_factory.mktemp("data") / "xrays", 8, 4)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    environment = {
        "JAX_COMPILATION_CACHE_DIR": str(cache / "compiled"),
        **os.environ,
        "JAXCOVID_CACHE": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    server = Server(tmp_path_factory.mktemp("said"), environment)
    yield server
    server.close()


@pytest.fixture
def launch(server):
    """Starts `jaxcovid train` with those flags; what is left running in the end is killed."""
    started = []

    def start(*arguments):
        started.append(server.start("train", *arguments))
        return started[-1]

    yield start
    for command in started:
        command.kill()
        command.communicate()


def flags(data, output):
    return [
        "--model", "small", "--data", data, "--output", output, "--weights", "none", "--head", "8",
        "--batch-size", "2", "--epochs", "2", "--checkpoint-every", "1",
    ]  # fmt: skip


# Compiles little: of a pair the second process compiles anew, as only the first keeps programs.
QUICK = ("--trainable", "head", "--no-augment")


def finish(process, code=0):
    out, err = process.communicate()
    assert process.returncode == code, err[-3000:]
    assert "Traceback" not in err
    return out, err


@pytest.fixture(scope="module")
def whole(data, server, tmp_path_factory):
    output = tmp_path_factory.mktemp("whole") / "run"
    finish(server.start("train", *flags(data, output)))
    return output


@pytest.fixture(scope="module")
def quick(data, server, tmp_path_factory):
    output = tmp_path_factory.mktemp("quick") / "run"
    finish(server.start("train", *flags(data, output), *QUICK))
    return output


# More of them take minutes: 21 were tried by hand, with JAXCOVID_KILLS=21.
KILLS = int(os.environ.get("JAXCOVID_KILLS", "5"))


def test_killed_at_any_instant_a_run_can_be_resumed(data, launch, whole, tmp_path):
    """Kills before there is a folder, while compiling, in steps, in saves and at the end."""
    runs, kills = [tmp_path / "0"], 0
    for instant in range(KILLS):
        run = runs[-1]
        arguments = ["--resume", run] if run.exists() else flags(data, run)
        process = launch(*arguments)
        if instant >= 3:
            # Steps take some 50 ms here, and each is followed by a save in the background.
            process.until("Compiling")
            time.sleep(0.55 + 0.9 * (instant - 3) / (KILLS - 3))
        else:
            time.sleep(0.3 + 0.6 * instant)
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        assert not run.exists() or (run / "config.json").exists()
        if (run / "metrics.json").exists():
            assert_same(run, whole)
            runs.append(tmp_path / str(len(runs)))
    assert kills >= KILLS - 1
    for run in runs:
        if run.exists() and not (run / "metrics.json").exists():
            finish(launch("--resume", run))
        if run.exists():
            assert_same(run, whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_says_how_to_go_on(number, data, launch, whole, tmp_path):
    process = launch(*flags(data, tmp_path / "run"))
    process.until("Compiling")
    time.sleep(0.8)
    process.send_signal(number)
    _, err = finish(process, 130)
    assert f"--resume {tmp_path / 'run'}" in err
    if number == signal.SIGINT:  # as after any other interruption
        return
    finish(launch("--resume", tmp_path / "run"))
    assert_same(tmp_path / "run", whole)


def test_a_second_signal_ends_at_once(data, launch, tmp_path):
    process = launch(*flags(data, tmp_path / "run"))
    process.until("Compiling")  # deaf to Python's handlers while the compiler works
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130 and time.monotonic() - sent < 2


def test_a_full_disk_is_a_message_and_the_run_goes_on_elsewhere(data, launch, whole, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        _, err = finish(launch(*flags(data, disk / "run")), 2)
        assert "cannot save a checkpoint (No space left on device)" in err
        assert f"--resume {disk / 'run'}" in err
        shutil.copytree(disk / "run", tmp_path / "run")
    finally:
        subprocess.run(["umount", disk], check=True)
    finish(launch("--resume", tmp_path / "run"))
    assert_same(tmp_path / "run", whole)


def pair(launch, *arguments):
    """Two processes of one run, each with one device; they save after every epoch."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    together = ["--checkpoint-every", 8]
    together += ["--coordinator", f"localhost:{port}", "--num-processes", 2, "--process-id"]
    return [launch(*arguments, *together, index) for index in range(2)]


def near(run, whole):
    np.testing.assert_allclose(numbers(run), numbers(whole), atol=1e-5)


@pytest.mark.parametrize("how", ["shard_map", "pmap"])
def test_two_processes_make_the_run_of_one(how, data, launch, whole, tmp_path):
    first, second = pair(launch, *flags(data, tmp_path / "run"), "--parallel", how)
    out, _ = finish(first)
    assert "Results in" in out
    assert "Results in" not in finish(second)[0]
    near(tmp_path / "run", whole)
    assert json.loads((tmp_path / "run" / "config.json").read_text())["device"]["processes"] == 2
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == sorted(
        path.name for path in whole.iterdir()
    )


def test_saved_by_two_resumed_by_one_and_back(data, launch, quick, tmp_path):
    # The signal reaches one of them; both stop at the same step.
    processes = pair(launch, *flags(data, tmp_path / "run"), *QUICK)
    processes[0].until("epoch 1/2")
    processes[1].send_signal(signal.SIGTERM)
    for process in processes:
        assert "--resume" in finish(process, 130)[1]
    shutil.copytree(tmp_path / "run", tmp_path / "again")
    finish(launch("--resume", tmp_path / "run"))
    near(tmp_path / "run", quick)

    process = launch(*flags(data, tmp_path / "back"), *QUICK)
    process.until("epoch 1/2")
    process.send_signal(signal.SIGINT)
    finish(process, 130)
    for process in pair(launch, "--resume", tmp_path / "back"):
        finish(process)
    near(tmp_path / "back", quick)


@pytest.mark.parametrize("victim", [0, 1])
def test_when_one_process_dies_the_other_ends_with_a_message(victim, data, launch, tmp_path):
    processes = pair(launch, *flags(data, tmp_path / "run"), *QUICK, "--epochs", 200)
    processes[0].until("epoch 1/200")
    processes[victim].kill()
    died = time.monotonic()
    _, err = processes[1 - victim].communicate(timeout=120)
    assert time.monotonic() - died < 90
    assert processes[1 - victim].returncode != 0
    assert "another process of this run ended" in err or "JAX distributed service" in err
    processes[victim].communicate()
