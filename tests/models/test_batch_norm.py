import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid.models.batch_norm import BatchNorm, moments


def apply(x, live, mask=None):
    norm = BatchNorm(name=None)
    # A top-level module has an empty path.
    names = [""] if live else []
    variables = norm.init(jax.random.key(0), x, names, mask)
    return norm.apply(variables, x, names, mask, mutable=["batch_stats"])


def images(seed=0, shape=(4, 3, 5, 2)):
    return jnp.asarray(np.random.default_rng(seed).normal(3, 2, shape), jnp.float32)


def test_live_norm_normalises_by_biased_and_stores_unbiased_variance():
    x = images()
    y, updates = apply(x, live=True)
    np.testing.assert_allclose(np.mean(y, (0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(np.var(y, (0, 1, 2)), 1, atol=1e-4)
    stored = updates["batch_stats"]["var"]
    expected = 0.9 * 1 + 0.1 * np.var(np.asarray(x), (0, 1, 2), ddof=1)
    np.testing.assert_allclose(stored, expected, rtol=1e-5)


def test_frozen_norm_keeps_its_statistics():
    x = images()
    y, updates = apply(x, live=False)
    np.testing.assert_array_equal(updates["batch_stats"]["mean"], np.zeros(2))
    np.testing.assert_array_equal(updates["batch_stats"]["var"], np.ones(2))
    np.testing.assert_allclose(y, x / np.sqrt(1 + 1e-5), rtol=1e-6)


@pytest.mark.parametrize("padding", [1, 3])
def test_padding_does_not_count(padding):
    x = images()
    padded = jnp.concatenate([x, 100 * jnp.ones((padding, *x.shape[1:]), x.dtype)])
    mask = jnp.asarray([1.0] * len(x) + [0.0] * padding, jnp.float32)
    for got, wanted in zip(moments(padded, mask), moments(x, None), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_variance_survives_a_large_mean():
    x = images() * 1e-2 + 1000
    _, var, _ = moments(x, None)
    np.testing.assert_allclose(var, np.var(np.asarray(x, np.float64), (0, 1, 2)), rtol=1e-2)
