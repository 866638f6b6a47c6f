"""Curves as the original drew them, by its formulas: scikit-learn's figures of each batch."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, precision_score

from jaxcovid.assignment.curves import loss_over_images, micro_precision, subset_accuracy
from jaxcovid.training.evaluation import means

CODES = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1]], np.float32)


def batch(images=9, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, images).astype(np.int32)
    noise = rng.normal(size=(images, 3)).astype(np.float32)
    return (3 * CODES[labels] - 1.5 + 2 * noise).astype(np.float32), labels


def given(logits, labels, mask):
    return (jnp.asarray(array) for array in (logits, labels, mask))


def test_the_loss_is_a_sum_of_means_over_the_number_of_images():
    losses = [np.array([1.0, 3.0]), np.array([4.0, 5.0]), np.array([8.0])]
    sums = [np.array([of.sum(), len(of), 0, len(of)]) for of in losses]
    got = means(sum(map(loss_over_images, sums)))
    assert got.loss == pytest.approx(sum(of.mean() for of in losses) / 5)
    # The mean of a batch as torch takes it where classes weigh differently.
    weighted = loss_over_images(np.array([6.0, 12.0, 2.0, 4.0]))
    np.testing.assert_array_equal(weighted, [0.5, 4, 2, 4])


def test_the_accuracy_is_that_of_all_outputs_together():
    logits, labels = batch()
    right = subset_accuracy(CODES)(*given(logits, labels, np.ones(9, np.float32)))
    probabilities = 1 / (1 + np.exp(-logits))
    expected = accuracy_score(CODES[labels], probabilities > 0.5)
    assert 0 < expected < 1
    assert float(right.mean()) == pytest.approx(expected)


@pytest.mark.parametrize("padding", [0, 3])
def test_or_it_is_micro_precision(padding):
    logits, labels = batch()
    mask = np.repeat([1, 0], [9 - padding, padding]).astype(np.float32)
    shares = micro_precision(CODES, None)(*given(logits, labels, mask))
    real = 9 - padding
    expected = precision_score(CODES[labels][:real], logits[:real] > 0, average="micro")
    np.testing.assert_allclose(shares, np.full(9, expected), rtol=1e-6)


def test_nothing_above_a_half_has_no_precision():
    shares = micro_precision(CODES, None)(
        *given(np.full((2, 3), -1.0, np.float32), [0, 1], [1.0, 1])
    )
    np.testing.assert_array_equal(shares, [0, 0])
