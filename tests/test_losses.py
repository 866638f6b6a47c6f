import jax.numpy as jnp
import numpy as np

from jaxcovid.losses import balanced_weights, cross_entropy

LOGITS = np.array([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]], np.float32)
LABELS = np.array([0, 2], np.int32)
EXPECTED = [np.log(np.exp(LOGITS[i]).sum()) - LOGITS[i, LABELS[i]] for i in range(2)]


def test_cross_entropy_is_minus_log_probability():
    values, weights = cross_entropy()(jnp.asarray(LOGITS), jnp.asarray(LABELS))
    np.testing.assert_allclose(values, EXPECTED, rtol=1e-6)
    np.testing.assert_array_equal(weights, [1, 1])


def test_class_weights_weigh_loss_and_mean_alike():
    class_weights = np.array([1.0, 5.0, 2.0])
    values, weights = cross_entropy(class_weights)(jnp.asarray(LOGITS), jnp.asarray(LABELS))
    np.testing.assert_allclose(values, [EXPECTED[0], 2 * EXPECTED[1]], rtol=1e-6)
    np.testing.assert_array_equal(weights, [1, 2])


def test_balanced_weights_are_inverse_to_frequency():
    labels = np.array([0, 0, 0, 1])
    weights = balanced_weights(labels, 2)
    np.testing.assert_allclose(weights, [4 / 6, 2])
    assert np.isclose(weights[labels].mean(), 1)
