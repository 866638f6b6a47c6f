"""Members trained together, on made-up features of the frozen part: only heads compute here."""

import contextlib
import dataclasses
import io
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid import parallel
from jaxcovid.config import Config
from jaxcovid.errors import InputError
from jaxcovid.sweeps import state, together
from jaxcovid.sweeps.grid import Grid, grid_members
from jaxcovid.sweeps.together import train_together, write_best_run
from jaxcovid.training.frozen_features import Features
from jaxcovid.training.frozen_part import FrozenPart
from jaxcovid.training.parts import Parts
from jaxcovid.training.recipe import learning_rates, update_rule
from jaxcovid.training.setup import Steps, Targets, Task, prepare_network
from jaxcovid.training.step import TrainState, as_they_are
from jaxcovid.training.trainable import partition
from tests.report import example
from tests.small_runs import interruption

pytestmark = pytest.mark.system

CLASSES = ("dark", "light")
SIZES = {"train": 8, "validation": 4, "test": 4}
GRID = Grid({"lr": (0.05, 1e-4, 3e38)}, 2)
SETTINGS = {"versions": {"optax": "1"}}
UNINTERRUPTED = 10**9


def features(labels, views):
    """Means of 512 channels, of which the first tells the classes apart."""
    values = np.random.default_rng(len(labels)).normal(0, 0.1, (len(labels), 1, 1, 512))
    values[:, 0, 0, 0] += 3 * labels
    values = values.astype(np.float32)
    return Features(values, np.stack([values] * views) if views else values[:0][None][:0])


@pytest.fixture(scope="module")
def task():
    config = Config(weights="none", head=(), epochs=2, batch_size=3, views=2, precision="float32")
    data = example.dataset(SIZES, CLASSES)
    network, variables = prepare_network(config, CLASSES)
    by_split = {
        name: features(split.labels, 2 if name == "train" else 0)
        for name, split in data.splits.items()
    }
    frozen = FrozenPart("head", lambda name, _: by_split[name])
    start = TrainState(
        jnp.int32(0), variables["params"], variables["batch_stats"], (), jax.random.key(0)
    )
    made_up = Task(
        config=config, parts=Parts(), devices=parallel.devices(limit=1), dataset=data, network=network,
        targets=Targets(np.eye(2, dtype=np.float32), None, as_they_are), frozen=frozen,
        steps=None, state=start,
    )  # fmt: skip
    return made_up._replace(steps=Steps(3, None, None, None))


def trained(task, folder, call=UNINTERRUPTED, **options):
    config = dataclasses.replace(task.config, **options)
    members = grid_members(config, GRID)
    return train_together(
        task._replace(config=config), members, folder, SETTINGS, "accuracy", interruption(call)
    )


class Whole(NamedTuple):
    """A sweep that was not interrupted, and what it did and printed meanwhile."""

    outcomes: list
    folder: Path
    printed: str
    asked: list


@pytest.fixture(scope="module")
def whole(task, tmp_path_factory):
    """Six members, of which two diverge."""
    folder, asked = tmp_path_factory.mktemp("sweep"), []

    @contextlib.contextmanager
    def deferred():
        asked.append("begin")
        yield lambda: bool(asked.append("?"))
        asked.append("end")

    members = grid_members(task.config, GRID)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        outcomes = train_together(task, members, folder, SETTINGS, "accuracy", deferred)
    return Whole(outcomes, folder, printed.getvalue(), asked)


def without_times(outcomes):
    """As text, since numbers of members that diverge are NaN."""
    return str(
        [
            outcome._replace(history=[epoch[:-2] for epoch in outcome.history])
            for outcome in outcomes
        ]
    )


def test_every_member_has_its_history_and_figures(whole):
    outcomes = whole.outcomes
    assert [outcome.place for outcome in outcomes] == list(range(6))
    assert [outcome.diverged > 0 for outcome in outcomes] == [False] * 4 + [True] * 2
    for outcome in outcomes:
        assert [epoch.epoch for epoch in outcome.history] == [1, 2]
        assert [epoch.step for epoch in outcome.history] == [3, 6]  # 8 images in batches of 3
        # Not of the training images: no one asks.
        expected = [] if outcome.diverged else ["validation", "test"]
        assert list(outcome.figures) == expected
    assert [outcome.figures["test"]["accuracy"] for outcome in outcomes[:2]] == [1.0, 1.0]


def test_what_is_done_is_written_with_the_best_member(whole, task):
    outcomes, folder = whole.outcomes, whole.folder
    assert str(state.read_outcomes(folder)) == str(outcomes)
    like = task.state._replace(
        params={
            name: (leaves if name == "fc" else jax.tree.map(lambda _: None, leaves))
            for name, leaves in task.state.params.items()
        }
    )
    place = min(range(2), key=lambda place: outcomes[place].history[-1].validation_loss)
    best = state.read_best(folder, place, like._replace(opt_state=()))
    assert int(best.step) == 6
    # The first channel speaks for the class that it stands for.
    weights = best.params["fc"]["kernel"][0]
    assert weights[1] > weights[0]


def test_a_small_memory_makes_chunks_of_the_same_members(task, whole, tmp_path, capsys):
    outcomes = whole.outcomes
    small = trained(task, tmp_path, memory_budget=2e-4)
    printed = capsys.readouterr().out
    parts = [line for line in printed.splitlines() if line.startswith("Part ")]
    assert len(parts) > 1 and parts[0].startswith(f"Part 1 of {len(parts)}: ")
    assert [outcome.place for outcome in small] == list(range(6))
    for one, other in zip(small[:4], outcomes[:4], strict=True):
        np.testing.assert_allclose(
            [epoch[:-2] for epoch in one.history],
            [epoch[:-2] for epoch in other.history],
            atol=1e-6,
        )


# A sweep asks after each of 3 steps but the last of an epoch, then after the epoch.
PLACES = [
    pytest.param(1, id="in the first epoch", marks=pytest.mark.system),
    pytest.param(3, id="after it", marks=pytest.mark.system),
    pytest.param(5, id="in the second"),
]


@pytest.mark.parametrize("call", PLACES)
def test_an_interrupted_chunk_goes_on_exactly(call, task, whole, tmp_path, capsys):
    with pytest.raises(KeyboardInterrupt):
        trained(task, tmp_path, call)
    assert state.read_outcomes(tmp_path) == []
    outcomes = trained(task, tmp_path)
    assert "Going on in epoch" in capsys.readouterr().out
    assert without_times(outcomes) == without_times(whole.outcomes)


def test_what_is_done_is_not_trained_again(task, whole, tmp_path, capsys):
    outcomes = whole.outcomes
    state.write_outcomes(tmp_path, outcomes[::-1])

    def never():
        raise AssertionError("nothing is left to be interrupted")

    members = grid_members(task.config, GRID)
    again = train_together(task, members, tmp_path, SETTINGS, "accuracy", never)
    assert str(again) == str(outcomes)
    assert capsys.readouterr().out == ""


def test_an_epoch_is_a_line_with_the_reach_of_accuracies(whole):
    first, second = whole.printed.splitlines()
    assert first.startswith("Epoch 1 of 2: validation accuracy 0.")
    assert second.startswith("Epoch 2 of 2: ") and "2 diverged, " in second


def test_if_all_diverge_there_is_no_best(whole, task, tmp_path, capsys):
    fallen = whole.outcomes[4:]
    members = grid_members(task.config, GRID)
    write_best_run(task, members, fallen, tmp_path, "accuracy", {})
    assert list(tmp_path.iterdir()) == [] and capsys.readouterr().out == ""


def test_a_best_run_that_is_whole_is_left_alone(whole, task, tmp_path):
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "metrics.json").write_text("{}")
    write_best_run(task, grid_members(task.config, GRID), whole.outcomes, tmp_path, "accuracy", {})
    assert (tmp_path / "best" / "metrics.json").read_text() == "{}"


@pytest.fixture
def alone(task, monkeypatch):
    """The tasks that were prepared, and what was written of them."""
    written = []

    def prepare(config, *_, **__):
        network, variables = prepare_network(config, CLASSES)
        params = partition(variables["params"], network.labels)[0]
        update = update_rule(config, network.labels, learning_rates(config, SIZES["train"]))
        start = TrainState(
            jnp.int32(0), variables["params"], variables["batch_stats"], update.init(params),
            jax.random.key(7),
        )  # fmt: skip
        return task._replace(config=config, network=network, state=start)

    monkeypatch.setattr(together, "prepare", prepare)
    monkeypatch.setattr(together, "write_trained", lambda *arguments: written.append(arguments))
    return written


def test_the_best_member_becomes_a_run_of_its_own(whole, task, alone):
    outcomes, folder = whole.outcomes, whole.folder
    (folder / "best").mkdir()
    (folder / "best" / "left.over").touch()  # of an export that was cut short
    members = grid_members(task.config, GRID)
    write_best_run(task, members, outcomes, folder, "accuracy", {})
    ((run, member, journal, warnings),) = alone
    assert not (folder / "best").exists()
    assert (run.config.output, run.config.lr) == (folder / "best", 0.05)
    assert str(journal.history) == str(outcomes[run.config.seed].history)
    assert int(member.step) == 6
    start = run.state.params
    assert not np.array_equal(member.params["fc"]["kernel"], start["fc"]["kernel"])
    np.testing.assert_array_equal(member.params["conv1"]["kernel"], start["conv1"]["kernel"])
    assert "the best of 6 members of a sweep" in warnings[-1]


def test_without_its_weights_the_best_member_is_an_error(whole, task, alone, tmp_path):
    members = grid_members(task.config, GRID)
    with pytest.raises(InputError, match="start the sweep anew"):
        write_best_run(task, members, whole.outcomes, tmp_path, "accuracy", {})
    assert alone == []


def test_interruptions_are_deferred_while_a_chunk_trains(whole):
    # After two steps of three and after the epoch, twice.
    assert whole.asked == ["begin", *"??????", "end"]
