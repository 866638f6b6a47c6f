import functools
import json

import jax
import numpy as np
import pytest

from jaxcovid.errors import DivergedError
from jaxcovid.training.checkpoint import Checkpoint
from jaxcovid.training.evaluation import predict_split
from jaxcovid.training.frozen_features import feature_batches
from jaxcovid.training.loop import Journal, epochs, evaluate_split, restored_journal
from jaxcovid.training.parts import Evaluation, Parts
from tests.training.small import bits, config, copied, no_bar, task


@pytest.fixture(scope="module")
def prepared():
    """12 training images in batches of 5, so epochs of 3 steps, the last one partial."""
    return task(config(dropout=0.3))


class Saves:
    """Checkpoints in memory: the state by step, its journal as JSON, and whether it was waited for."""

    def __init__(self):
        self.all = {}

    def __call__(self, step, state, journal, validation_loss=None, wait=False):
        self.all[step] = copied(state), json.dumps(journal), validation_loss, wait

    def journal(self, step):
        account = {"journal": json.loads(self.all[step][1])}
        return restored_journal(Checkpoint(step, {}, {}, account))


def trained(prepared, saves, call=None, state=None, journal=None, **settings):
    """State and journal at the end; interrupted at the so many-th time that the loop asks."""
    *_, last = passes(prepared, saves, call, state, journal, **settings)
    return last


def passes(prepared, saves, call=None, state=None, journal=None, **settings):
    """State and journal after each epoch."""
    calls = iter(range(1, 1000))
    start = prepared._replace(
        state=copied(prepared.state if state is None else state),
        config=config(dropout=0.3, **settings),
    )
    first = Journal() if journal is None else journal
    return epochs(start, first, saves, lambda: next(calls) == call, no_bar)


def untimed(journal):
    return journal.sums, [row[:-2] for row in journal.history]


@pytest.fixture(scope="module")
def whole(prepared):
    return trained(prepared, Saves())


# The loop asks after each of 3 steps, then after the one batch of validation, and so on; the answer
# is looked at a step later. Call, step of the checkpoint, examples of the epoch, epochs done.
PLACES = {
    "first step": (1, 2, 10, 0),
    "last step of an epoch": (3, 3, 12, 0),
    "validation": (4, 3, 12, 0),
    "second epoch": (5, 5, 10, 1),
}


@pytest.mark.parametrize("place", PLACES)
def test_training_goes_on_from_an_interruption_to_the_last_bit(place, prepared, whole):
    call, step, examples, done = PLACES[place]
    saves = Saves()
    with pytest.raises(KeyboardInterrupt):
        trained(prepared, saves, call)
    state, _, _, waited = saves.all[step]
    journal = saves.journal(step)
    assert (max(saves.all), waited) == (step, True)
    assert (journal.sums[3], len(journal.history)) == (examples, done)
    state, journal = trained(prepared, Saves(), None, state, journal)
    assert bits(state) == bits(whole[0])
    assert untimed(journal) == untimed(whole[1])


def test_history(whole):
    first, second = whole[1].history
    assert [(row.epoch, row.step, row.lr) for row in (first, second)] == [(1, 3, 0.1), (2, 6, 0.1)]
    assert second.validation_loss < first.validation_loss
    assert all(0 <= row.validation_accuracy <= 1 and row.seconds >= 0 for row in (first, second))


EVERY = {None: [0, 3, 6], 1: [0, 1, 2, 3, 4, 5, 6], 2: [0, 2, 3, 4, 6], 3: [0, 3, 6]}


@pytest.mark.parametrize("every", EVERY)
def test_checkpoints_are_saved_so_often(every, prepared, whole):
    saves = Saves()
    state, journal = trained(prepared, saves, checkpoint_every=every)
    assert sorted(saves.all) == EVERY[every]
    losses = {step: loss for step, (_, _, loss, _) in saves.all.items() if loss is not None}
    assert losses == {row.step: row.validation_loss for row in journal.history}
    assert bits(state) == bits(whole[0])


def test_divergence_is_an_error_that_names_step_epoch_and_rate():
    steep = task(config(lr=3e38))
    message = r"the .* became infinite or NaN at step \d \(epoch 1\) with learning rate 3e\+38"
    saves = Saves()
    with pytest.raises(DivergedError, match=message) as error:
        list(epochs(steep, Journal(), saves, bool, no_bar))
    assert error.value.epoch == 1
    assert list(saves.all) == [0]


@pytest.mark.parametrize("size", [1, 3, 32])
def test_a_split_is_evaluated_in_batches_of_the_settings(size, prepared):
    small = prepared._replace(config=config(eval_batch_size=size))
    labels = small.dataset.splits["validation"].labels
    values = small.frozen.features("validation", bool).evaluation
    variables = {"params": small.state.params, "batch_stats": small.state.batch_stats}
    expected = predict_split(
        small.steps.evaluate,
        variables,
        lambda batches: feature_batches(values, labels, batches),
        np.arange(7),
        small.devices,
        no_bar,
    )
    result = evaluate_split(small, small.state, "validation", no_bar)
    np.testing.assert_allclose(result.probabilities, expected.probabilities, atol=1e-6)
    assert (result.loss, result.accuracy) == pytest.approx((expected.loss, expected.accuracy))


def callers(prepared, asked):
    """The task with an evaluation of the caller's that reads features backwards."""
    values = {
        name: prepared.frozen.features(name, bool).evaluation for name in ("train", "validation")
    }

    def backwards(settings, name, split, epoch):
        asked.append((settings.eval_batch_size, name, epoch))
        read = functools.partial(feature_batches, values[name], split.labels)
        return np.arange(len(split.labels))[::-1], read

    evaluation = Evaluation(lambda *_: None, backwards)
    return prepared._replace(frozen=None, parts=Parts(evaluation=evaluation))


def test_the_callers_evaluation_reads_as_it_wants(prepared):
    asked = []
    other = callers(prepared, asked)._replace(config=config(eval_batch_size=3))
    result = evaluate_split(other, other.state, "validation", no_bar, epoch=2)
    expected = evaluate_split(prepared, prepared.state, "validation", no_bar)
    assert asked == [(3, "validation", 2)]
    np.testing.assert_allclose(result.probabilities, expected.probabilities, atol=1e-6)


def test_running_statistics_are_those_that_validation_leaves(prepared):
    """Epoch by epoch, of one batch after the other; training is as without."""
    asked = []

    def moving(params, batch_stats, inputs):
        results = prepared.steps.evaluate(params, prepared.state.batch_stats, inputs)
        moved = jax.tree.map(lambda leaf: leaf + inputs.mask.sum(), batch_stats)
        return results._replace(batch_stats=moved)

    other = callers(prepared, asked)
    other = other._replace(steps=prepared.steps._replace(evaluate=moving))
    begun, seen = np.asarray(prepared.state.batch_stats["bn1"]["mean"]), []
    for state, _ in passes(other, Saves(), eval_batch_size=3):
        seen.append(np.asarray(state.batch_stats["bn1"]["mean"]))
    np.testing.assert_array_equal(seen, [begun + 7, begun + 14])
    assert asked == [(3, "validation", epoch) for epoch in (1, 2)]


def test_curves_are_drawn_as_the_caller_wants(prepared):
    """Losses of the history, not those that are measured after training."""
    ordinary = trained(prepared, Saves())[1].history[0]
    halved = prepared._replace(parts=Parts(curve=lambda sums: sums * [0.5, 1, 1, 1]))
    state, journal = trained(halved, Saves())
    row = journal.history[0]
    assert (row.train_loss, row.validation_loss) == pytest.approx(
        (ordinary.train_loss / 2, ordinary.validation_loss / 2), rel=1e-5
    )
    measured = evaluate_split(halved, state, "validation", no_bar)
    assert measured.loss == pytest.approx(2 * journal.history[-1].validation_loss, rel=1e-5)
