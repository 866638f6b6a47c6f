"""What a sweep that is not finished keeps, and that it is read back to the last bit."""

import gc

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxcovid.errors import InputError
from jaxcovid.results import Epoch
from jaxcovid.sweeps import state
from jaxcovid.sweeps.outcome import Outcome
from jaxcovid.sweeps.run import stored_sweep
from jaxcovid.training.member_loop import Underway
from jaxcovid.training.members import row
from jaxcovid.training.step import TrainState

NAN = float("nan")
SETTINGS = {"model": "made up", "versions": {"optax": "1"}}


def epoch(number, loss=0.5):
    return Epoch(number, 3 * number, 0.1, loss, 0.75, 0.3, 0.5, 1.25, 10.0)


OPTIMIZERS = {
    "sgd": optax.sgd(0.1),
    "momentum": optax.sgd(0.1, momentum=0.9),
    "adamw": optax.adamw(0.1),
}


def members(optimizer, count=3, seed=0):
    """Members after some steps, in which all arrays differ and a kernel is frozen."""
    rng = np.random.default_rng(seed)

    def some(*shape):
        return jnp.asarray(rng.normal(size=(count, *shape)), jnp.float32)

    params = {"conv1": {"kernel": None}, "fc": {"kernel": some(4, 2), "bias": some(2)}}
    opt_state = jax.tree.map(
        lambda leaf: leaf + jnp.asarray(rng.integers(1, 9, leaf.shape), leaf.dtype),
        jax.vmap(optimizer.init)(params),
    )
    return TrainState(
        jnp.full((count,), 5, jnp.int32),
        params,
        {"bn1": {"mean": some(4), "var": some(4)}},
        opt_state,
        jax.random.split(jax.random.key(seed), count),
    )


def chunk(optimizer=OPTIMIZERS["momentum"], seed=0, steps=2):
    histories = ((epoch(1),), (epoch(1, NAN),), (epoch(1),))
    sums = np.random.default_rng(seed).normal(size=(3, 4))
    return Underway(members(optimizer, seed=seed), sums, steps, histories, (0, 1, 0))


def fresh(underway):
    """A chunk like it before its first step, of which nothing must remain."""
    blank = jax.tree.map(jnp.zeros_like, underway.members._replace(key=None))
    keys = jax.random.split(jax.random.key(99), 3)
    return Underway(blank._replace(key=keys), np.zeros((3, 4)), 0, ((),) * 3, (0,) * 3)


def assert_same_state(got, expected):
    assert jax.tree.structure(got) == jax.tree.structure(expected)
    assert got.key.dtype == expected.key.dtype  # typed keys of the same kind
    got, expected = (
        whole._replace(key=jax.random.key_data(whole.key)) for whole in (got, expected)
    )
    for (path, one), other in zip(
        jax.tree.leaves_with_path(got), jax.tree.leaves(expected), strict=True
    ):
        name = jax.tree_util.keystr(path)
        assert one.dtype == other.dtype and one.shape == other.shape, name
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes(), name


def save(folder, underway, places=(4, 5, 6), first_step=0, steps=(5,)):
    with state.underway_writer(folder, SETTINGS, places, first_step) as writer:
        for made in steps:
            writer(underway._replace(steps=made), made)


@pytest.fixture
def damage():
    """Changes one bit of the largest file of a checkpoint."""
    yield flip
    gc.collect()


def flip(folder, step):
    files = [path for path in (folder / str(step)).rglob("*") if path.is_file()]
    largest = max(files, key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)


FIGURES = {"validation": {"accuracy": 0.1 + 0.2, "auroc": None}}
OUTCOMES = {
    "none": [],
    "finite": [Outcome(1, 0, (epoch(1), epoch(2)), FIGURES), Outcome(0, 0, (epoch(1),), {})],
    "of a chosen epoch": [Outcome(1, 0, (epoch(1), epoch(2)), FIGURES, ("a",), 1)],
    "NaN and infinite": [Outcome(2, 1, (epoch(1, NAN), epoch(2, float("-inf"))), {})],
}


@pytest.mark.parametrize("case", OUTCOMES)
def test_outcomes_are_read_as_they_were_written(case, tmp_path):
    state.write_outcomes(tmp_path, [Outcome(9, 0, (epoch(1),), {})])
    state.write_outcomes(tmp_path, OUTCOMES[case])
    assert str(state.read_outcomes(tmp_path)) == str(OUTCOMES[case])


def test_without_outcomes_no_member_is_done(tmp_path):
    assert state.read_outcomes(tmp_path) == []


DAMAGED = {
    "no JSON": "[",
    "no list": "3",
    "fields missing": "[{}]",
    "short history": '[{"place": 1, "diverged": 0, "history": [[1]], "figures": {}}]',
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_members_of_the_best_epochs_are_kept_too(name, tmp_path):
    losses = ([0.3, 0.2, 0.4], [0.1, 0.2, 0.3], [0.3, 0.2, 0.1])
    histories = tuple(
        tuple(epoch(at + 1)._replace(validation_loss=loss) for at, loss in enumerate(of_member))
        for of_member in losses
    )
    chosen = members(OPTIMIZERS[name], seed=7)._replace(step=jnp.array([6, 3, 9], jnp.int32))
    underway = chunk(OPTIMIZERS[name])._replace(histories=histories, chosen=chosen)
    save(tmp_path, underway, first_step=100, steps=(11,))
    got, warnings = state.read_underway(tmp_path, (4, 5, 6), fresh(underway))
    assert warnings == []
    assert_same_state(got.chosen, chosen)
    made = underway.members._replace(step=jnp.full((3,), 11, jnp.int32))
    assert_same_state(got.members, made)


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_outcomes_are_an_error(case, tmp_path):
    (tmp_path / "done.json").write_text(DAMAGED[case])
    with pytest.raises(InputError, match=r"done\.json is damaged"):
        state.read_outcomes(tmp_path)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_chunk_goes_on_from_where_it_was(name, tmp_path):
    underway = chunk(OPTIMIZERS[name])
    save(tmp_path, underway, first_step=100, steps=(5,))
    got, warnings = state.read_underway(tmp_path, (4, 5, 6), fresh(underway))
    assert warnings == []
    assert_same_state(got.members, underway.members)
    np.testing.assert_array_equal(got.sums, underway.sums)
    assert got.sums.dtype == np.float64
    assert (got.steps, got.diverged, got.epoch) == (5, (0, 1, 0), 2)
    assert str(got.histories) == str(underway.histories)  # with NaN
    assert got.members.params["conv1"]["kernel"] is None


OTHERS = {"other members": (1, 2, 3), "fewer": (4, 5), "another order": (5, 4, 6)}


@pytest.mark.parametrize("case", OTHERS)
def test_a_chunk_of_other_places_starts_anew(case, tmp_path):
    underway = chunk()
    save(tmp_path, underway)
    start = fresh(underway)
    assert state.read_underway(tmp_path, OTHERS[case], start) == (start, [])


def test_without_a_checkpoint_a_chunk_starts(tmp_path):
    start = chunk()
    assert state.read_underway(tmp_path, (4, 5, 6), start) == (start, [])


def test_a_damaged_newest_checkpoint_falls_back_with_a_warning(damage, tmp_path):
    underway = chunk()
    save(tmp_path, underway, first_step=10, steps=(1, 2, 3))
    damage(tmp_path / state.UNDERWAY, 13)
    got, (warning,) = state.read_underway(tmp_path, (4, 5, 6), fresh(underway))
    assert got.steps == 2 and got.members.step.tolist() == [2, 2, 2]
    assert "checkpoint 13 is damaged" in warning and "the one before" in warning


def test_if_every_checkpoint_is_damaged_a_chunk_starts_with_warnings(damage, tmp_path):
    underway = chunk()
    save(tmp_path, underway, steps=(1, 2))
    for step in (1, 2):
        damage(tmp_path / state.UNDERWAY, step)
    start = fresh(underway)
    got, warnings = state.read_underway(tmp_path, (4, 5, 6), start)
    assert got is start and len(warnings) == 2


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_best_member_is_read_as_it_was_written(name, tmp_path):
    first, second = (row(members(OPTIMIZERS[name], seed=seed), 1) for seed in (1, 2))
    state.write_best(tmp_path, SETTINGS, first, 7, 3)
    state.write_best(tmp_path, SETTINGS, second, 4, 6)
    like = jax.tree.map(jnp.zeros_like, second._replace(key=None))._replace(key=jax.random.key(9))
    got = state.read_best(tmp_path, 4, like)
    assert_same_state(got, second)
    assert got.step.shape == () and got.params["conv1"]["kernel"] is None


def no_best(_):
    pass


def best_of_another_place(folder):
    state.write_best(folder, SETTINGS, row(members(OPTIMIZERS["sgd"]), 0), 7, 3)


def best_damaged(folder):
    state.write_best(folder, SETTINGS, row(members(OPTIMIZERS["sgd"]), 0), 4, 3)
    flip(folder / state.BEST, 3)


UNREADABLE = {
    "none": (no_best, "best_so_far; start"),
    "of another place": (best_of_another_place, "best_so_far; start"),
    "damaged": (best_damaged, r"checkpoint 3 is damaged .*start the sweep anew"),
}


@pytest.mark.usefixtures("damage")
@pytest.mark.parametrize("case", UNREADABLE)
def test_a_best_member_that_is_not_there_is_an_error(case, tmp_path):
    make, message = UNREADABLE[case]
    make(tmp_path)
    with pytest.raises(InputError, match=message):
        state.read_best(tmp_path, 4, row(members(OPTIMIZERS["sgd"]), 0))


@pytest.mark.parametrize("name", ["underway.npz", "best.npz"])
def test_sweeps_of_an_earlier_version_are_refused(name, tmp_path):
    assert state.former_problems(tmp_path) == []
    (tmp_path / name).touch()
    (problem,) = state.former_problems(tmp_path)
    assert "earlier version" in problem
    with pytest.raises(InputError, match="earlier version"):
        stored_sweep(tmp_path)


def test_nothing_remains_of_a_finished_sweep(tmp_path):
    (tmp_path / "report.html").touch()
    save(tmp_path, chunk())
    state.write_outcomes(tmp_path, OUTCOMES["finite"])
    state.write_best(tmp_path, SETTINGS, row(chunk().members, 0), 4, 1)
    state.remove_state(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    state.remove_state(tmp_path)  # nor does it need anything to be there
