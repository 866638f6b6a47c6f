"""Max pooling: the values and the gradient of XLA's own, and of what it does with ties and NaN."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid.models.pooling import Window, max_pool

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
    x = jax.random.normal(jax.random.key(0), shape)
    if values == "ties":
        x = jnp.round(nn.relu(x))
    expected, back = jax.vjp(lambda x: reference(x, window), x)
    pooled, pooled_back = jax.vjp(lambda x: max_pool(x, window), x)
    np.testing.assert_array_equal(pooled, expected)
    # Whole numbers, so that sums do not depend on their order.
    weights = jnp.round(10 * jax.random.normal(jax.random.key(1), expected.shape))
    np.testing.assert_array_equal(*pooled_back(weights), *back(weights))


def test_members_of_a_sweep_and_half_precision():
    x = jax.random.normal(jax.random.key(0), (3, 2, 8, 8, 2), jnp.bfloat16)
    window = Window(3, 2, 1)
    gradient = jax.grad(lambda x: jax.vmap(lambda x: max_pool(x, window))(x).sum())(x)
    assert gradient.dtype == jnp.bfloat16
    expected = jax.grad(lambda x: jax.vmap(lambda x: reference(x, window))(x).sum())(x)
    np.testing.assert_array_equal(gradient, expected)


def test_not_a_number_is_not_lost():
    x = jnp.zeros((1, 4, 4, 1)).at[0, 0, 0, 0].set(jnp.nan).at[0, 3, 3, 0].set(jnp.nan)
    pooled = max_pool(x, Window(2, 2))[0, :, :, 0]
    np.testing.assert_array_equal(jnp.isnan(pooled), [[True, False], [False, True]])


def test_the_gradient_looks_at_no_window_again():
    gradient = jax.jit(jax.grad(lambda x: max_pool(x, Window(3, 2, 1)).sum()))
    text = gradient.lower(jnp.zeros((1, 8, 8, 1))).as_text()
    assert "select_and_scatter" not in text
