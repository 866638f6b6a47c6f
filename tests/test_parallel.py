"""One device, two and eight make the same run; and which of several processes this is."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxcovid import models, parallel
from jaxcovid.assignment.mistakes import batch_mean_focal
from jaxcovid.config import stored
from jaxcovid.errors import InputError, Interrupted
from jaxcovid.runs.run import fine_tune
from jaxcovid.training import work
from jaxcovid.training.losses import cross_entropy, weighted
from jaxcovid.training.optimizers import optimizer
from jaxcovid.training.step import Batch, init_state, make_eval_step, make_train_step
from jaxcovid.training.trainable import freeze, label, live_norms
from tests import made_up, small_runs
from tests.small_network import SMALL
from tests.small_runs import interruption, numbers
from weights_convert import table


@pytest.fixture(autouse=True)
def eight_devices(request):
    if request.node.get_closest_marker("devices"):
        assert jax.device_count() == 8, "run these with JAX_NUM_CPU_DEVICES=8 in the environment"


@functools.cache
def start(name, selection, dropout=0.0, habit="frozen"):
    """What a step is made of, and a first state on the host."""
    model = functools.partial(models.build, name, 3, (16,), dropout)
    variables = made_up.variables(model(), (1, 64, 64, 3))
    stats = variables.get("batch_stats", {})
    labels = label(variables["params"], name, selection, table(name, 3, (16,), dropout > 0))
    update = freeze(optimizer("sgd", 1e-2, 0.9, 0.0), optimizer("sgd", 1e-2, 0.9, 0.0), labels)
    state = init_state(variables, update, labels, jax.random.key(1))
    module = model(axis_name=parallel.AXIS)
    step = make_train_step(
        module,
        weighted(cross_entropy(), np.array([1.0, 2.0, 3.0])),
        update,
        labels,
        live_norms(stats, labels, habit),
    )
    return module, step, state


def batch(count, devices, size=64, seed=0):
    """`count` examples that differ by class, padded for the devices with noise that must not matter."""
    rng = np.random.default_rng(seed)
    length = -(-count // devices) * devices
    classes = (np.arange(length) % 3).astype(np.int32)
    images = rng.normal(size=(count, size, size, 3)) + classes[:count, None, None, None]
    images = np.pad(images, ((0, length - count), (0, 0), (0, 0), (0, 0)), constant_values=7)
    return Batch(images.astype(np.float32), classes, (np.arange(length) < count).astype(np.float32))


def trained(devices, how, count, steps, *arguments, size=64):
    _, step, state = start(*arguments)
    over = parallel.devices(how, devices)
    run = parallel.spread(step, over, (False, True))
    state, losses = parallel.replicate(state, over), []
    for seed in range(steps):
        state, totals = run(state, parallel.shares(batch(count, devices, size, seed), over))
        losses.append(float(totals.loss / totals.weight))
    return np.array(losses), state


@pytest.mark.devices
def test_losses_are_those_of_one_device():
    arguments = (13, 3, SMALL, "last_block", 0.3)
    expected, _ = trained(1, "shard_map", *arguments)
    for devices, how in ((2, "shard_map"), (8, "shard_map"), (8, "pmap")):
        losses, _ = trained(devices, how, *arguments)
        np.testing.assert_allclose(losses, expected, atol=1e-5, err_msg=f"{devices} {how}")


@pytest.mark.parametrize(
    ("devices", "how", "count"), [(2, "shard_map", 13), (8, "shard_map", 16), (8, "pmap", 13)]
)
@pytest.mark.devices
def test_gradients_and_synchronised_statistics_are_those_of_one_device(devices, how, count):
    # One step with plain SGD: what it changes is the gradient. Everything trains and normalises by
    # the batch; later steps would amplify rounding, on one device too.
    arguments = (SMALL, "all", 0.0, "batch")
    _, _, before = start(*arguments)
    (expected_loss,), expected = trained(1, "shard_map", count, 1, *arguments, size=96)
    (loss,), after = trained(devices, how, count, 1, *arguments, size=96)
    assert loss == pytest.approx(expected_loss, abs=1e-5)
    for got, wanted, start_ in zip(
        jax.tree.leaves(after.params), jax.tree.leaves(expected.params), jax.tree.leaves(before.params),
        strict=True,
    ):  # fmt: skip
        difference = np.linalg.norm(np.asarray(got) - np.asarray(wanted))
        change = np.linalg.norm(np.asarray(wanted) - np.asarray(start_))
        # One device differs from itself by up to 0.9 % if its batch comes in another order: a sum
        # that is rounded otherwise flips a ReLU. Sums over devices that are wrong differ by far more.
        assert difference <= 2e-2 * change + 1e-8
    for got, wanted in zip(
        jax.tree.leaves(after.batch_stats), jax.tree.leaves(expected.batch_stats), strict=True
    ):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.devices
def test_evaluation_gathers_the_logits_in_order():
    module, _, state = start(SMALL, "head")
    step, logits = make_eval_step(module, cross_entropy()), []
    for devices, how in ((1, "shard_map"), (8, "shard_map"), (8, "pmap")):
        over = parallel.devices(how, devices)
        run = parallel.spread(step, over, (False, False, True))
        params, stats = parallel.replicate((state.params, state.batch_stats), over)
        result, totals = run(params, stats, parallel.shares(batch(13, devices), over))
        assert float(totals.examples) == 13
        logits.append(np.asarray(result)[:13])
    for other in logits[1:]:
        np.testing.assert_allclose(other, logits[0], atol=1e-5)


config = functools.partial(small_runs.config, dropout=0.3)


@pytest.fixture
def limited(monkeypatch):
    """Sets how many devices runs see."""
    every = parallel.devices

    def limit(count):
        monkeypatch.setattr(parallel, "devices", lambda how: every(how, count))

    return limit


@pytest.mark.devices
def test_whole_runs_agree(image_folder, tmp_path, limited, monkeypatch, undrawn):
    limited(1)
    expected = numbers(fine_tune(config(image_folder, tmp_path / "one")))
    limited(8)
    for how in ("shard_map", "pmap"):
        run = fine_tune(config(image_folder, tmp_path / how, parallel=how))
        np.testing.assert_allclose(numbers(run), expected, atol=1e-5)
    # As on accelerators: images on the devices, many steps in one program.
    monkeypatch.setattr(work, "_resident", lambda *_: True)
    run = fine_tune(config(image_folder, tmp_path / "scan", checkpoint_every=2))
    np.testing.assert_allclose(numbers(run), expected, atol=1e-5)


@pytest.mark.devices
def test_a_run_goes_on_with_other_devices(image_folder, tmp_path, limited, capsys, undrawn):
    limited(1)
    expected = numbers(fine_tune(config(image_folder, tmp_path / "whole")))
    for first, second in ((1, 8), (8, 1)):
        run = tmp_path / f"from{first}"
        limited(first)
        with pytest.raises(Interrupted):
            fine_tune(config(image_folder, run), deferred=interruption(1))
        limited(second)
        fine_tune(stored(run))
        np.testing.assert_allclose(numbers(run), expected, atol=1e-5)


@pytest.mark.devices
def test_the_mean_of_a_batch_is_that_of_all_devices():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(16, 3)).astype(np.float32)
    labels, mask = (np.arange(16) % 3).astype(np.int32), (np.arange(16) < 13).astype(np.float32)

    def gradient(axis_name, logits, labels, mask):
        loss = batch_mean_focal(np.eye(3, dtype=np.float32), 0.5, 2.0, axis_name)

        def share_of_mean(logits):
            values, weights = loss(logits, labels, mask)
            weight = parallel.sum_over_devices((weights * mask).sum(), axis_name)
            return (values * mask).sum() / weight

        local = jax.grad(share_of_mean)(logits)
        return local if axis_name is None else lax.all_gather(local, axis_name, tiled=True)

    over = parallel.devices()
    everywhere = functools.partial(gradient, parallel.AXIS)
    spread = parallel.spread(everywhere, over, (True, True, True))
    got = spread(*parallel.shares((logits, labels, mask), over))
    alone = gradient(None, *map(jnp.asarray, (logits, labels, mask)))
    np.testing.assert_allclose(got, alone, atol=1e-6)
    assert np.abs(got).max() > 1e-3


SLURM = {"SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_NODELIST": "node[1-2]"}
# Environment, settings, and what JAX is given; None if the process is alone.
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
def initialised(monkeypatch):
    calls = []
    monkeypatch.setattr(jax.distributed, "initialize", lambda *flags, **_: calls.append(flags))
    for name in (*SLURM, "TPU_WORKER_HOSTNAMES", "MEGASCALE_COORDINATOR_ADDRESS",
                 "KUBERNETES_SERVICE_HOST", "JOB_COMPLETION_INDEX"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    return calls


@pytest.mark.parametrize("case", CASES)
def test_processes_are_joined_as_settings_or_environment_say(case, initialised, monkeypatch):
    environment, flags, expected = CASES[case]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    parallel.join_processes(*flags)
    assert initialised == ([] if expected is None else [expected])


ERRORS = {
    "of a device": (jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory"), True),
    "of a process that is gone": (ValueError("UNKNOWN: Gloo AllGather failed: reset by peer"), True),
    "of a disk": (ValueError("RESOURCE_EXHAUSTED: writing /data/Gloo runs/x: No space left"), False),
    "of a file": (OSError("UNKNOWN: Gloo is a folder"), False),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_errors_of_devices_are_known_from_others(case):
    error, expected = ERRORS[case]
    assert parallel.is_device_error(error) is expected


def test_a_coordinator_that_cannot_be_reached_is_an_error(initialised, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no route to host\nstack")

    monkeypatch.setattr(jax.distributed, "initialize", fail)
    with pytest.raises(InputError, match=r"`coordinator=host:1` says \(no route to host\)"):
        parallel.join_processes("host:1", 2, 0)
