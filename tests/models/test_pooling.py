"""Max pooling: the values and the gradient of XLA's own, and of what it does with ties and NaN."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid.models.pooling import Window, max_pool
from tests import made_up

CASES = {
    "vgg": ((2, 8, 8, 3), Window(2, 2)),
    "resnet": ((2, 8, 8, 3), Window(3, 2, 1)),
    "resnet, odd": ((2, 9, 7, 3), Window(3, 2, 1)),
    "last row and column in no window": ((2, 9, 7, 3), Window(2, 2)),
    "windows that overlap": ((1, 6, 6, 2), Window(3, 1, 1)),
    "gaps between windows": ((1, 9, 9, 2), Window(2, 3)),
    "one window": ((1, 2, 2, 1), Window(2, 2)),
}


def reference(x, window):
    size, stride, padding = window
    return nn.max_pool(x, (size, size), (stride, stride), [(padding, padding)] * 2)


@pytest.mark.parametrize("values", ["different", "ties"])
@pytest.mark.parametrize("case", CASES)
def test_values_and_gradient_are_those_of_xla(case, values):
    shape, window = CASES[case]
    x = made_up.normal(shape)
    if values == "ties":
        x = jnp.round(nn.relu(x))
    out = jax.eval_shape(functools.partial(reference, window=window), x)
    # Whole numbers, so that sums do not depend on their order.
    weights = jnp.round(10 * made_up.normal(out.shape, seed=1))

    @functools.partial(jax.jit, static_argnums=0)
    def pooled_and_gradient(pool):
        pooled, back = jax.vjp(lambda x: pool(x, window), x)
        return pooled, *back(weights)

    for ours, xlas in zip(*map(pooled_and_gradient, (max_pool, reference)), strict=True):
        np.testing.assert_array_equal(ours, xlas)


def test_members_of_a_sweep_and_half_precision():
    x = made_up.normal((3, 2, 8, 8, 2)).astype(jnp.bfloat16)
    window = Window(3, 2, 1)

    @functools.partial(jax.jit, static_argnums=0)
    def gradient(pool):
        return jax.grad(lambda x: jax.vmap(lambda x: pool(x, window))(x).sum())(x)

    assert gradient(max_pool).dtype == jnp.bfloat16
    np.testing.assert_array_equal(gradient(max_pool), gradient(reference))


def test_not_a_number_is_not_lost():
    x = jnp.zeros((1, 4, 4, 1)).at[0, 0, 0, 0].set(jnp.nan).at[0, 3, 3, 0].set(jnp.nan)
    pooled = max_pool(x, Window(2, 2))[0, :, :, 0]
    np.testing.assert_array_equal(jnp.isnan(pooled), [[True, False], [False, True]])


def test_the_gradient_looks_at_no_window_again():
    gradient = jax.jit(jax.grad(lambda x: max_pool(x, Window(3, 2, 1)).sum()))
    text = gradient.lower(jnp.zeros((1, 8, 8, 1))).as_text()
    assert "select_and_scatter" not in text
