"""What is saved comes back to the last bit, or is noticed to be damaged."""

import errno
import shutil

import jax
import jax.numpy as jnp
import optax
import pytest
from orbax.checkpoint import v1 as ocp

from jaxcovid import models
from jaxcovid.errors import InputError
from jaxcovid.training import checkpoint
from jaxcovid.training.checkpoint import load_checkpoint, losses_of, newest, restored, writer
from jaxcovid.training.kept_checkpoints import LatestAndBest
from jaxcovid.training.step import TrainState
from tests.training.small import bits, copied

SETTINGS = {
    "versions": {"optax": "1.2.3"},
    "model": "resnet18",
    "head": [],
    "dropout": 0.0,
    "precision": "float32",
    "dataset": {"classes": ["covid", "normal"]},
}

# What comparing by value would take for other numbers, or for the same.
ODD = jnp.array([-0.0, jnp.nan, jnp.inf, 1e-45, 0.1], jnp.float32)


def state_of(step=0, *, params=None, batch_stats=None, update=None, key=None):
    params = (
        {"fc": {"kernel": jnp.stack([ODD, ODD + step]), "bias": ODD}} if params is None else params
    )
    update = optax.sgd(0.1, momentum=0.9) if update is None else update
    return TrainState(
        jnp.int32(step),
        params,
        {"bn": {"mean": ODD, "var": ODD * 2}} if batch_stats is None else batch_stats,
        update.init(params),
        jax.random.key(3) if key is None else key,
    )


def members(step):
    """Two states along a leading axis."""
    states = [state_of(step, key=jax.random.key(seed)) for seed in (0, 1)]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)


STATES = {
    "ordinary": state_of(7),
    "no batch norms": state_of(7, batch_stats={}),
    "parameters kept elsewhere": state_of(
        7, params={"conv": {"kernel": None}, "fc": {"kernel": ODD, "bias": None}}
    ),
    "adam": state_of(7, update=optax.adam(0.1)),
    "no optimizer state": state_of(7, update=optax.sgd(0.1)),
    "members with keys": members(7),
}


@pytest.mark.parametrize("case", STATES)
def test_a_state_comes_back_to_the_last_bit(case, tmp_path):
    state, journal = STATES[case], {"sums": [0.1, 2.0], "history": []}
    with writer(tmp_path, SETTINGS) as save:
        save(7, state, journal, 0.25, wait=True)
    saved, damaged = newest(tmp_path)
    assert damaged == {}
    assert (saved.step, saved.account["journal"], saved.account["settings"]) == (
        7,
        journal,
        SETTINGS,
    )
    like = jax.tree.map(jnp.zeros_like, state._replace(key=jnp.zeros(())))  # of other values
    assert bits(restored(saved, like._replace(key=state.key))) == bits(state)


def test_what_is_saved_in_the_background_is_not_what_the_next_step_makes(tmp_path):
    state = state_of(1)
    expected = bits(state)
    step = jax.jit(lambda state: jax.tree.map(lambda leaf: leaf + 1, state), donate_argnums=0)
    with writer(tmp_path, SETTINGS) as save:
        save(1, state, {})
        step(copied(state)._replace(key=jnp.zeros(())))
    saved, _ = newest(tmp_path)
    assert bits(restored(saved, state)) == expected


LOSSES = {1: 0.5, 2: 0.1, 3: 0.7, 4: None, 5: 0.9}


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    """A run with the checkpoints that are left of five."""
    run = tmp_path_factory.mktemp("run")
    with writer(run, SETTINGS) as save:
        for step, loss in LOSSES.items():
            save(step, state_of(step), {"sums": [float(step)]}, loss)
    return run


def test_the_latest_two_and_the_best_are_kept(five):
    assert losses_of(five) == {2: 0.1, 4: None, 5: 0.9}


def test_the_best_stays_when_a_run_goes_on(five, tmp_path):
    shutil.copytree(five, tmp_path / "run")
    for step in (6, 7):
        with writer(tmp_path / "run", SETTINGS) as save:
            save(step, state_of(step), {}, 0.8)
    assert losses_of(tmp_path / "run") == {2: 0.1, 6: 0.8, 7: 0.8}


@pytest.mark.parametrize(("which", "step"), [("latest", 5), ("best", 2)])
def test_a_model_is_loaded_with_its_classes(which, step, five):
    trained = load_checkpoint(five, which)
    assert isinstance(trained.model, models.Model)
    assert trained.classes == ("covid", "normal")
    assert bits(trained.variables["params"]) == bits(state_of(step).params)


def latest(run):
    return run / "checkpoints" / "5"


def emptied(run):
    shutil.rmtree(latest(run))
    latest(run).mkdir()


def flipped(run):
    files = [path for path in latest(run).rglob("*") if path.is_file()]
    largest = max(files, key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)


def cut(run):
    for path in latest(run).rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def falsified(run):
    path = latest(run) / "_CHECKPOINT_METADATA"
    text = path.read_text()
    assert '"sums": [5' in text
    path.write_text(text.replace('"sums": [5', '"sums": [6', 1))


def test_a_file_with_a_number_for_a_name_is_no_checkpoint(five, tmp_path):
    run = shutil.copytree(five, tmp_path / "run")
    (run / "checkpoints" / "99").write_text("what is this")
    saved, damaged = newest(run)
    assert (saved.step, list(damaged)) == (5, [99])


@pytest.mark.parametrize("spoil", [emptied, flipped, cut, falsified])
def test_of_a_damaged_checkpoint_the_one_before_is_taken(spoil, five, tmp_path, capfd):
    run = shutil.copytree(five, tmp_path / "run")
    spoil(run)
    saved, damaged = newest(run)
    assert saved.step == 4
    assert list(damaged) == [5] and "checkpoint 5 is damaged (" in damaged[5]
    with pytest.warns(UserWarning, match=r"checkpoint 5 is damaged .*; taking step 4"):
        load_checkpoint(run)
    assert "Traceback" not in capfd.readouterr().err
    checkpoint.set_aside(run, damaged)
    assert (run / "damaged-5").is_dir() and newest(run)[1] == {}


def test_if_none_is_whole_all_are_listed(five, tmp_path):
    run = shutil.copytree(five, tmp_path / "run")
    for step in (2, 4, 5):
        (run / "checkpoints" / str(step) / "_CHECKPOINT_METADATA").unlink()
    assert newest(run)[0] is None
    with pytest.raises(InputError) as error:
        load_checkpoint(run)
    listed = str(error.value)
    assert "no latest checkpoint" in listed
    assert all(f"checkpoint {step} is damaged" in listed for step in (2, 4, 5))


def test_a_folder_without_checkpoints_has_none(tmp_path):
    assert newest(tmp_path) == (None, {})
    with pytest.raises(InputError, match="no best checkpoint in checkpoints/"):
        load_checkpoint(tmp_path, "best")


def test_optimizer_state_of_another_layout_is_refused(five):
    saved, _ = newest(five)
    with pytest.raises(InputError, match=r"has no opt_state\..*saved under optax 1\.2\.3"):
        restored(saved, state_of(update=optax.adam(0.1)))


PASSING = {
    "a stale handle": (OSError(errno.ESTALE, "Stale file handle"), "Stale file handle"),
    "a broken disk": (OSError(errno.EIO, "Input/output error"), "Input/output error"),
    "no right": (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
    "no memory": (MemoryError(), "Cannot allocate memory"),
    "in the words of a library": (
        ValueError("NOT_FOUND: reading [OS error 116: ESTALE Stale file handle] [x]"),
        "Stale file handle",
    ),
}


@pytest.mark.parametrize("name", ["checkpointables_metadata", "load"])
@pytest.mark.parametrize("case", PASSING)
def test_what_the_system_could_not_read_is_not_taken_for_damage(case, name, five, monkeypatch):
    error, words = PASSING[case]

    def fail(*_, **__):
        raise error

    before = sorted(five.rglob("*"))
    monkeypatch.setattr(ocp, name, fail)
    with pytest.raises(InputError, match=rf"checkpoints/5: cannot be read \({words}\)"):
        newest(five)
    if name == "checkpointables_metadata":
        with pytest.raises(InputError, match="cannot be read"):
            losses_of(five)
    assert sorted(five.rglob("*")) == before


DISK = {
    "full": (OSError(28, "No space left on device"), "No space left on device"),
    "in the words of a library": (
        ValueError("write: Disk quota exceeded [x]"),
        "Disk quota exceeded",
    ),
    "read only": (RuntimeError("Read-only file system"), "Read-only file system"),
}


def failing(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(ocp.training.Checkpointer, "save_checkpointables_async", fail)


@pytest.mark.parametrize("case", DISK)
def test_a_disk_that_takes_nothing_is_an_error_that_says_how_to_go_on(case, tmp_path, monkeypatch):
    error, words = DISK[case]
    failing(monkeypatch, error)
    with pytest.raises(InputError) as refused, writer(tmp_path, SETTINGS) as save:
        save(1, state_of(1), {})
    assert f"cannot save a checkpoint ({words})" in str(refused.value)
    assert f"`resume={tmp_path}`" in str(refused.value)


@pytest.mark.parametrize("kind", [jax.errors.JaxRuntimeError, ValueError])
def test_a_process_that_is_gone_is_no_full_disk(kind, tmp_path, monkeypatch):
    gone = kind("UNKNOWN: Gloo AllReduce failed: Connection reset by peer")
    failing(monkeypatch, gone)
    with pytest.raises(kind, match="Gloo"), writer(tmp_path, SETTINGS) as save:
        save(1, state_of(1), {})

    close = ocp.training.Checkpointer.close

    def close_and_fail(self):
        close(self)
        raise RuntimeError("barrier failed")  # in the course of `gone`, whose words it thus has

    monkeypatch.setattr(ocp.training.Checkpointer, "close", close_and_fail)
    with pytest.raises(kind, match="Gloo"), writer(tmp_path, SETTINGS):
        raise gone  # by a training step


def test_other_errors_of_saving_pass_through(tmp_path, monkeypatch):
    failing(monkeypatch, RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"), writer(tmp_path, SETTINGS) as save:
        save(1, state_of(1), {})


def test_policy_leaves_alone_what_it_did_not_save():
    class Saved:
        def __init__(self, step):
            self.step = step

    policy = LatestAndBest({1: 0.5, 2: 0.4, 3: 0.6, 4: 0.7})
    kept = policy.should_preserve([Saved(step) for step in (1, 2, 3, 4, 99)], context=None)
    assert kept == [False, True, True, True, True]
