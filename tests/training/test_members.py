"""Members that train at once make the very updates that each would make alone."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid import models
from jaxcovid.training.label_codes import class_codes
from jaxcovid.training.members import (
    VARIED,
    Shared,
    finite,
    first_members,
    make_member_evaluation,
    make_member_step,
    numbers_of,
    row,
    stacked,
    with_numbers,
)
from jaxcovid.training.parts import Parts
from jaxcovid.training.recipe import learning_rates, update_rule
from jaxcovid.training.setup import Targets
from jaxcovid.training.step import Batch, as_they_are, init_state, make_eval_step, make_train_step
from tests.small_network import SMALL
from tests.training.small import config, features

CLASSES = ("covid", "normal", "pneumonia")
LABELS = (np.arange(12) % 3).astype(np.int32)
VALUES = features(LABELS, (1, 1, 6)).evaluation
MODEL = models.build(SMALL, 3, (4,))
# As if the layers of the head were all that there is: one below, one frozen bias, one above.
TREE = {
    "fc_0": {"kernel": "backbone", "bias": "frozen"},
    "fc_2": {"kernel": "head", "bias": "head"},
}


@functools.cache
def variables(seed):
    part = functools.partial(MODEL.init, start="head")
    return jax.jit(part)(jax.random.key(seed), jnp.asarray(VALUES[:1]))


def batch(places):
    return Batch(jnp.asarray(VALUES[places]), jnp.asarray(LABELS[places]), jnp.ones(len(places)))


def shared_by(configs):
    params = variables(0)["params"]
    return Shared(
        config=configs[0],
        parts=Parts(),
        model=MODEL,
        start="head",
        labels=TREE,
        live_norms=frozenset(),
        targets=Targets(class_codes(CLASSES), None, as_they_are),
        train_labels=LABELS,
        frozen={"fc_0": {"kernel": None, "bias": params["fc_0"]["bias"]},
                "fc_2": {"kernel": None, "bias": None}},
    )  # fmt: skip


def trainable(seed):
    params = variables(seed)["params"]
    return {**params, "fc_0": {"kernel": params["fc_0"]["kernel"], "bias": None}}


def started(shared, configs):
    seeds = [settings.seed for settings in configs]
    return first_members(
        shared,
        numbers_of(configs),
        stacked([trainable(seed) for seed in seeds]),
        {},
        jnp.stack([jax.random.key(seed) for seed in seeds]),
    )


def alone(settings, batches):
    """The state after these steps of one member, and their totals."""
    loss = Parts().loss(settings, class_codes(CLASSES), LABELS, None)
    update = update_rule(settings, TREE, learning_rates(settings, len(LABELS)))
    params = variables(settings.seed)["params"]
    params = {**params, "fc_0": {**params["fc_0"], "bias": variables(0)["params"]["fc_0"]["bias"]}}
    state = init_state({"params": params}, update, TREE, jax.random.key(settings.seed))
    step = jax.jit(make_train_step(MODEL, loss, update, TREE, frozenset(), start="head"))
    totals = []
    for rows in batches:
        state, of_step = step(state, rows)
        totals.append(of_step)
    return state, totals


BASE = config(lr=0.05, backbone_lr=0.02, augment=False)
VALUES_OF = {
    "lr": (0.01, 0.3),
    "backbone_lr": (0.01, 0.2),
    "momentum": (0.5, 0.9),
    "weight_decay": (0.01, 0.3),
    "focal_gamma": (0.0, 2.0),
    "focal_alpha": ((0.25,), (2.0,)),
    "seed": (0, 1),
}
OPTIONS = {
    "focal_gamma": {"loss": "focal"},
    "focal_alpha": {"loss": "focal"},
    "weight_decay": {"optimizer": "adamw", "schedule": "cosine"},
}


def test_every_number_that_may_vary_is_tried():
    assert set(VALUES_OF) == {*VARIED, "seed"}


@pytest.mark.parametrize("name", VALUES_OF)
def test_a_member_equals_the_single_step(name):
    base = dataclasses.replace(BASE, **OPTIONS.get(name, {}))
    configs = [dataclasses.replace(base, **{name: value}) for value in VALUES_OF[name]]
    shared, numbers = shared_by(configs), numbers_of(configs)
    members, step = started(shared, configs), jax.jit(make_member_step(shared))
    # Each member sees a batch of its own.
    batches = [[batch(np.arange(5) + 2 * number), batch(np.arange(5, 10) + number)]
               for number in (0, 1)]  # fmt: skip
    totals = []
    for of_members in zip(*batches, strict=True):
        members, of_step = step(members, numbers, stacked(of_members))
        totals.append(of_step)
    singles = [alone(*pair) for pair in zip(configs, batches, strict=True)]
    for place, (state, single_totals) in enumerate(singles):
        member = row(members, place)
        assert member.params["fc_0"]["bias"] is None
        assert int(member.step) == 2
        for path in (("fc_0", "kernel"), ("fc_2", "kernel"), ("fc_2", "bias")):
            got, wanted = (tree[path[0]][path[1]] for tree in (member.params, state.params))
            np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=1e-6)
        np.testing.assert_allclose(
            [row(of_step, place) for of_step in totals], single_totals, rtol=1e-5
        )
    one, other = (state.params["fc_0"]["kernel"] for state, _ in singles)
    assert np.abs(one - other).max() > 1e-5  # the number matters


def test_members_are_evaluated_on_the_same_batch():
    configs = [dataclasses.replace(BASE, seed=seed) for seed in (0, 1)]
    shared = shared_by(configs)
    members = started(shared, configs)
    evaluate = jax.jit(make_member_evaluation(shared))
    logits, totals = evaluate(members, numbers_of(configs), batch(np.arange(12)))
    loss = Parts().loss(BASE, class_codes(CLASSES), LABELS, None)
    single = jax.jit(make_eval_step(MODEL, loss, start="head"))
    for place in (0, 1):
        params = jax.tree.map(lambda leaf, place=place: leaf[place], members.params)
        params["fc_0"]["bias"] = shared.frozen["fc_0"]["bias"]
        expected, sums = single(params, {}, batch(np.arange(12)))
        np.testing.assert_allclose(logits[place], expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(row(totals, place), sums, rtol=1e-5)


@pytest.mark.parametrize("spoiled", [np.nan, np.inf])
def test_members_with_numbers_that_are_not_finite_are_known(spoiled):
    configs = [dataclasses.replace(BASE, seed=seed) for seed in (0, 1, 2)]
    members = started(shared_by(configs), configs)
    assert finite(members).tolist() == [True, True, True]
    bias = members.params["fc_2"]["bias"].at[1, 2].set(spoiled)
    members.params["fc_2"]["bias"] = bias
    assert finite(members).tolist() == [True, False, True]


NUMBERS = {
    "nothing": ([{}, {}], {}),
    "seeds": ([{"seed": 0}, {"seed": 1}], {}),
    "rates": ([{"lr": 0.1}, {"lr": 0.2}], {"lr": [0.1, 0.2]}),
    "alphas": ([{"focal_alpha": (0.5,)}, {"focal_alpha": (1.0,)}], {"focal_alpha": [0.5, 1.0]}),
    "two of them": (
        [{"lr": 0.1, "momentum": 0.0}, {"lr": 0.1, "momentum": 0.5}, {"lr": 0.2, "momentum": 0.5}],
        {"lr": [0.1, 0.1, 0.2], "momentum": [0.0, 0.5, 0.5]},
    ),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers_are_those_that_differ(case):
    options, expected = NUMBERS[case]
    configs = [dataclasses.replace(BASE, **settings) for settings in options]
    numbers = numbers_of(configs)
    assert {name: values.tolist() for name, values in numbers.items()} == {
        name: np.array(values, np.float32).tolist() for name, values in expected.items()
    }
    for place, settings in enumerate(configs):
        member = with_numbers(configs[0], row(jax.tree.map(jnp.asarray, numbers), place))
        for name in expected:
            np.testing.assert_allclose(getattr(member, name), getattr(settings, name), rtol=1e-6)
