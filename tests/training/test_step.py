import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid import models
from jaxcovid.training.freeze_audit import audit, digests, frozen_paths
from jaxcovid.training.losses import cross_entropy
from jaxcovid.training.optimizers import optimizer
from jaxcovid.training.step import Batch, init_state, make_eval_step, make_train_step
from jaxcovid.training.trainable import freeze, label, live_norms
from tests import made_up
from tests.small_network import SMALL
from weights_convert import table


@functools.cache
def network(name, dropout):
    module = models.build(name, 3, (16,), dropout)
    return module, made_up.variables(module)


def setup(name, selection, *, habit="frozen", lr=1e-2, dropout=0.0):
    module, variables = network(name, dropout)
    stats = variables.get("batch_stats", {})
    labels = label(variables["params"], name, selection, table(name, 3, (16,), dropout > 0))
    norms = live_norms(stats, labels, habit)
    update = freeze(optimizer("sgd", lr, 0.9, 0.0), optimizer("sgd", lr, 0.9, 0.0), labels)
    state = init_state(variables, update, labels, jax.random.key(1))
    step = make_train_step(module, cross_entropy(), update, labels, norms)
    return module, state, step, frozen_paths(labels, stats, norms)


def batch(size=32, count=4, seed=0):
    rng = np.random.default_rng(seed)
    images = jnp.asarray(rng.normal(size=(count, size, size, 3)), jnp.float32)
    return Batch(images, jnp.arange(count, dtype=jnp.int32) % 3, jnp.ones(count))


@pytest.mark.parametrize(
    ("name", "selection", "habit"),
    [
        *itertools.product(
            [SMALL], ["head", "last_conv", "last_block", "all"], ["frozen", "batch"]
        ),
        ("resnet18", "last_block", "frozen"),
    ],
)
def test_frozen_leaves_keep_every_bit_and_trainable_ones_move(name, selection, habit):
    _, state, step, frozen = setup(name, selection, habit=habit)
    after = state
    run = jax.jit(step)
    for seed in range(2):
        after, _ = run(after, batch(seed=seed))
    before, now = (digests(moment.params, moment.batch_stats) for moment in (state, after))
    result = audit(before, now, frozen)
    assert result.frozen_unchanged
    assert result.trainable_changed == result.trainable_leaves
    assert int(after.step) == 2


# Forward convolutions of the networks: 20 and 13. Backward each trainable one adds a product with
# respect to its weights, and each above the lowest trainable one adds one with respect to its
# input. ResNet18's last block has 5 (one a shortcut).
CONVOLUTIONS = {
    ("resnet18", "head"): 20,
    ("resnet18", "last_conv"): 20 + 1,
    ("resnet18", "last_block"): 20 + 5 + 3,
    ("vgg16", "head"): 13,
    ("vgg16", "last_conv"): 13 + 1,
    ("vgg16", "last_block"): 13 + 3 + 2,
}


@pytest.mark.parametrize(("name", "selection"), CONVOLUTIONS)
def test_no_backward_convolution_below_the_trainable_part(name, selection):
    _, state, step, _ = setup(name, selection)
    # What XLA is given, so that nothing is left to its removal of dead code.
    text = jax.jit(step).lower(state, batch()).as_text()
    assert text.count("stablehlo.convolution(") == CONVOLUTIONS[name, selection]


def test_padding_changes_nothing():
    _, state, step, _ = setup(SMALL, "all")
    # Large enough for batch norm to average over more than a handful of values, else it amplifies
    # the rounding of another order of summation.
    small = batch(size=96, count=3)
    noise = jnp.full((2, 96, 96, 3), 7.0)
    padded = Batch(
        jnp.concatenate([small.images, noise]),
        jnp.concatenate([small.labels, jnp.zeros(2, jnp.int32)]),
        jnp.concatenate([small.mask, jnp.zeros(2)]),
    )
    (one, totals), (other, padded_totals) = (jax.jit(step)(state, part) for part in (small, padded))
    for got, wanted in zip(padded_totals, totals, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5)
    for got, wanted in zip(
        jax.tree.leaves((other.params, other.batch_stats)),
        jax.tree.leaves((one.params, one.batch_stats)),
        strict=True,
    ):
        np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-5)


def test_golden_step():
    """Three steps from a fixed start.

    Update the numbers only when the model or the step is meant to change.
    """
    _, state, step, _ = setup("resnet18", "last_block", lr=1e-4)
    losses = []
    for _ in range(3):
        state, totals = jax.jit(step)(state, batch())
        losses.append(float(totals.loss / totals.weight))
    np.testing.assert_allclose(losses, GOLDEN, rtol=1e-4)


GOLDEN = [1.663350, 0.720150, 0.231200]


def test_dropout_differs_by_step_and_repeats_by_state():
    _, state, step, _ = setup(SMALL, "head", dropout=0.5, lr=1e-12)
    run = jax.jit(step)
    after, first = run(state, batch())
    _, again = run(state, batch())
    _, second = run(after, batch())
    assert float(first.loss) == float(again.loss) != float(second.loss)


def test_evaluation_is_without_dropout_and_leaves_statistics_alone():
    module, state, _, _ = setup(SMALL, "head", dropout=0.5)
    evaluate = jax.jit(make_eval_step(module, cross_entropy()))
    logits, totals = evaluate(state.params, state.batch_stats, batch())
    again, _ = evaluate(state.params, state.batch_stats, batch())
    np.testing.assert_array_equal(logits, again)
    assert float(totals.examples) == 4
