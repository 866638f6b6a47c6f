"""Which flags and environments make a process one of several."""

import jax
import numpy as np
import pytest

from jaxcovid import parallel
from jaxcovid.config import Config
from jaxcovid.data import loader
from jaxcovid.data.disk import StoredPixels
from jaxcovid.errors import InputError
from jaxcovid.training.setup import load_data

SLURM = {"SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_NODELIST": "node[1-2]"}
# Environment, flags, and what JAX is to be told; None if the process is alone.
CASES = {
    "alone": ({}, (None, None, None), None),
    "flags": ({}, ("host:1", 2, 1), ("host:1", 2, 1)),
    "auto": ({}, ("auto", None, None), (None, None, None)),
    "SLURM": (SLURM, (None, None, None), (None, None, None)),
    "SLURM and flags": (SLURM, ("host:1", 2, 1), ("host:1", 2, 1)),
    "SLURM, one task": (SLURM | {"SLURM_STEP_NUM_TASKS": "1"}, (None, None, None), None),
    "TPU slice": ({"TPU_WORKER_HOSTNAMES": "a,b"}, (None, None, None), (None, None, None)),
    "one TPU host": ({"TPU_WORKER_HOSTNAMES": "a"}, (None, None, None), None),
    "indexed job": (
        {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "JOB_COMPLETION_INDEX": "0"},
        (None, None, None),
        (None, None, None),
    ),
    "some pod": ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, (None, None, None), None),
}


@pytest.fixture
def told(monkeypatch):
    calls = []
    monkeypatch.setattr(jax.distributed, "initialize", lambda *flags, **_: calls.append(flags))
    for name in (*SLURM, "TPU_WORKER_HOSTNAMES", "MEGASCALE_COORDINATOR_ADDRESS",
                 "KUBERNETES_SERVICE_HOST", "JOB_COMPLETION_INDEX"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    return calls


@pytest.mark.parametrize("case", CASES)
def test_start(case, told, monkeypatch):
    environment, flags, expected = CASES[case]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    parallel.start(*flags)
    assert told == ([] if expected is None else [expected])


def test_each_process_reads_its_share_from_disk(image_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    dataset = load_data(Config(data=str(image_folder)), tmp_path, lambda items, *_: items)
    train = dataset.splits["train"]
    assert isinstance(train.augmentable, StoredPixels)
    (part,) = loader.batches(np.arange(12), 12)
    read = []
    for index in range(2):
        monkeypatch.setattr(jax, "process_index", lambda index=index: index)
        (examples,) = loader.read(train, [parallel.own_rows(part)], augmentable=True)
        assert examples.images.shape[0] == 6
        read += examples.indices.tolist()
    assert read == list(range(12))


def test_a_coordinator_that_cannot_be_reached_is_told(told, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no route to host\nstack")

    monkeypatch.setattr(jax.distributed, "initialize", fail)
    with pytest.raises(InputError, match=r"--coordinator host:1 says \(no route to host\)"):
        parallel.start("host:1", 2, 0)
