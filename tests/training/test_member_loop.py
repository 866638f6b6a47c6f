import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid.results import Epoch
from jaxcovid.training import member_loop
from jaxcovid.training.member_loop import FeatureSplit, Underway, fit, predict_members
from jaxcovid.training.members import (
    first_members,
    make_member_evaluation,
    numbers_of,
    row,
    stacked,
)
from jaxcovid.training.step import Batch, Totals
from tests.training.small import bits, copied, features, no_bar
from tests.training.test_members import BASE, shared_by, trainable

TRAIN, VALIDATION = (np.arange(count) % 3 for count in (12, 7))


@functools.cache
def splits():
    return {
        "train": FeatureSplit(features(TRAIN, (1, 1, 6), views=2), TRAIN.astype(np.int32)),
        "validation": FeatureSplit(
            features(VALIDATION, (1, 1, 6), seed=1), VALIDATION.astype(np.int32)
        ),
    }


def members_of(rates=(0.05, 0.2), seeds=(0, 1), **options):
    base = dataclasses.replace(BASE, augment=True, **options)
    return [dataclasses.replace(base, lr=rate, seed=seed) for rate in rates for seed in seeds]


class Chunk:
    """Members before their first step, and what trains them."""

    def __init__(self, configs):
        self.configs, self.shared = configs, shared_by(configs)
        self.numbers = numbers_of(configs)
        self.evaluate = jax.jit(make_member_evaluation(self.shared))

    @property
    def start(self):
        seeds = [settings.seed for settings in self.configs]
        members = first_members(
            self.shared,
            self.numbers,
            stacked([trainable(seed) for seed in seeds]),
            {},
            jnp.stack([jax.random.key(seed) for seed in seeds]),
        )
        count = len(self.configs)
        sums = np.zeros((count, len(Totals._fields)))
        return Underway(members, sums, 0, ((),) * count, (0,) * count)

    def trained(self, underway=None, call=None):
        """The chunk after each epoch; interrupted at the so many-th time that the loop asks."""
        calls = iter(range(1, 1000))
        underway = self.start if underway is None else underway
        chosen = None if underway.chosen is None else copied(underway.chosen)
        underway = underway._replace(members=copied(underway.members), chosen=chosen)
        stages = fit(
            self.shared, self.configs, splits(), self.evaluate, underway,
            lambda: next(calls) == call, no_bar,
        )  # fmt: skip
        return [stage._replace(members=copied(stage.members)) for stage in stages]


def untimed(underway):
    histories = [[line[:-2] for line in history] for history in underway.histories]
    return histories, underway.sums.tolist(), underway.steps, underway.diverged


@pytest.fixture(scope="module")
def chunk():
    return Chunk(members_of())


@pytest.fixture(scope="module")
def whole(chunk):
    return chunk.trained()


def test_histories_have_a_line_for_each_epoch_and_member(whole):
    assert [underway.epoch for underway in whole] == [2, 3]
    last = whole[-1]
    for history, rate in zip(last.histories, (0.05, 0.05, 0.2, 0.2), strict=True):
        assert [(line.epoch, line.step) for line in history] == [(1, 3), (2, 6)]
        assert [line.lr for line in history] == pytest.approx([rate, rate])
    assert len({history[-1].validation_loss for history in last.histories}) == 4
    assert last.diverged == (0, 0, 0, 0) and not last.sums.any()


# The loop asks after each step but the last of an epoch.
CALLS = {1: (1, 1), 2: (1, 2), 3: (2, 1), 4: (2, 2)}  # epoch and steps of it that are made


@pytest.mark.parametrize("call", CALLS)
def test_members_go_on_from_an_interruption_to_the_last_bit(call, chunk, whole):
    *_, stopped = chunk.trained(call=call)
    assert (stopped.epoch, stopped.steps) == CALLS[call]
    assert stopped.sums[:, 3].tolist() == [5.0 * stopped.steps] * 4
    *_, last = chunk.trained(stopped)
    assert untimed(last) == untimed(whole[-1])
    assert bits(last.members) == bits(whole[-1].members)


def after(number, losses, before):
    """A chunk after so many epochs, of these losses; its members' parameters are that number."""
    members = Chunk(members_of(seeds=(0,))).start.members
    params = jax.tree.map(lambda leaf: jnp.full_like(leaf, number), members.params)
    histories = tuple(
        tuple(
            Epoch(at + 1, 3 * (at + 1), 0.1, 0.5, 0.5, loss, 0.5, 1.0, 1.0)
            for at, loss in enumerate(of_member[:number])
        )
        for of_member in losses
    )
    members = members._replace(params=params)
    underway = Underway(members, np.zeros((2, 4)), 0, histories, (0, 0), before)
    return underway._replace(chosen=member_loop._chosen(underway))


def test_each_member_is_kept_as_it_was_after_its_best_epoch():
    """The first of equal ones, as a run alone chooses."""
    losses, chosen, kept = [[0.5, 0.4, 0.4, 0.6], [0.5, 0.6, 0.3, 0.2]], [], None
    for number in range(1, 5):
        underway = after(number, losses, kept)
        kept = underway.chosen
        leaf = np.asarray(jax.tree.leaves(underway.measured.params)[0])
        chosen.append(leaf.reshape(2, -1)[:, 0].astype(int).tolist())
    assert chosen == [[1, 1], [2, 1], [2, 3], [2, 4]]


@pytest.fixture(scope="module")
def chosen_whole():
    return Chunk(members_of(select="best"))


@pytest.mark.parametrize("call", CALLS)
def test_chosen_members_survive_an_interruption(call, chosen_whole):
    *_, last = chosen_whole.trained()
    assert last.chosen is not None
    *_, stopped = chosen_whole.trained(call=call)
    *_, again = chosen_whole.trained(stopped)
    assert bits(again.chosen) == bits(last.chosen)
    losses = [[row.validation_loss for row in history] for history in last.histories]
    best = [int(np.argmin(of_member)) + 1 for of_member in losses]
    assert last.chosen.step.tolist() == [3 * epoch for epoch in best]


def test_a_member_that_diverges_is_marked_and_disturbs_no_other(whole):
    fallen = Chunk(members_of(rates=(0.05, 3e38))).trained()
    assert [underway.diverged for underway in fallen] == [(0, 0, 1, 1)] * 2
    for place in (0, 1):
        one, other = (
            [line[:-2] for line in stages[-1].histories[place]] for stages in (fallen, whole)
        )
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_a_chunk_trains_as_its_parts(whole):
    *_, last = Chunk(members_of(seeds=(1,))).trained()
    for place, of_whole in enumerate((1, 3)):
        one = [line[:-2] for line in last.histories[place]]
        other = [line[:-2] for line in whole[-1].histories[of_whole]]
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_logits_are_in_the_order_of_the_split_and_padding_counts_nothing(chunk, whole):
    members, count = whole[-1].members, 40  # more than one batch
    labels = (np.arange(count) % 3).astype(np.int32)
    split = FeatureSplit(features(labels, (1, 1, 6), seed=2), labels)
    logits, totals = predict_members(
        chunk.evaluate, members, chunk.numbers, split, "validation", no_bar
    )
    everything = Batch(
        *map(jnp.asarray, (split.features.evaluation, labels, np.ones(count, np.float32)))
    )
    expected, sums = chunk.evaluate(members, chunk.numbers, everything)
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(totals, np.stack(sums, 1), rtol=1e-5)
    assert totals[:, 3].tolist() == [count] * 4


def test_unlabelled_images_get_logits():
    alone = Chunk(members_of(rates=(0.05,), seeds=(0,)))
    values = features(VALIDATION, (1, 1, 6), seed=1)
    unknown = FeatureSplit(values, np.full(7, -1, np.int32))
    logits, _ = predict_members(
        alone.evaluate, alone.start.members, alone.numbers, unknown, "test", no_bar
    )
    assert logits.shape == (1, 7, 3) and np.isfinite(logits).all()
    assert row(alone.start.members, 0).params["fc_0"]["bias"] is None
