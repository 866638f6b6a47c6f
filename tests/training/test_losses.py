import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid.training.losses import balanced_weights, bce, cross_entropy, focal, weighted

LOGITS = np.array([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]], np.float32)
LABELS = np.array([0, 2], np.int32)
MASK = jnp.ones(2)
EXPECTED = [np.log(np.exp(LOGITS[i]).sum()) - LOGITS[i, LABELS[i]] for i in range(2)]
CODES = {
    "one each": np.eye(3, dtype=np.float32),
    "the first implies the last": np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1]], np.float32),
}


def values(loss, logits=LOGITS, labels=LABELS):
    return loss(jnp.asarray(logits), jnp.asarray(labels), MASK)


def elements(codes):
    """Binary cross-entropy of every output, and the probability of its target."""
    likely = 1 / (1 + np.exp(-LOGITS.astype(float)))
    of_target = np.where(codes[LABELS] == 1, likely, 1 - likely)
    return -np.log(of_target), of_target


def test_cross_entropy_is_minus_log_probability():
    got, weights = values(cross_entropy())
    np.testing.assert_allclose(got, EXPECTED, rtol=1e-6)
    np.testing.assert_array_equal(weights, [1, 1])


@pytest.mark.parametrize(
    "loss", [cross_entropy(), bce(CODES["one each"]), focal(CODES["one each"])]
)
def test_class_weights_weigh_loss_and_mean_alike(loss):
    got, weights = values(weighted(loss, np.array([1.0, 5.0, 2.0])))
    np.testing.assert_allclose(got, values(loss)[0] * np.array([1, 2], np.float32), rtol=1e-6)
    np.testing.assert_array_equal(weights, [1, 2])


def test_balanced_weights_are_inverse_to_frequency():
    labels = np.array([0, 0, 0, 1])
    weights = balanced_weights(labels, 2)
    np.testing.assert_allclose(weights, [4 / 6, 2])
    assert np.isclose(weights[labels].mean(), 1)


@pytest.mark.parametrize("case", CODES)
def test_bce_is_the_mean_of_minus_log_probability_of_every_target(case):
    got, weights = values(bce(CODES[case]))
    np.testing.assert_allclose(got, elements(CODES[case])[0].mean(1), rtol=1e-6)
    np.testing.assert_array_equal(weights, [1, 1])


FOCAL = {
    "the paper's": ((0.25,), 2.0),
    "steeper": ((1.0,), 5.0),
    "a root": ((1.0,), 0.5),
    "one alpha for each": ((0.5, 1.0, 3.0), 2.0),
}


@pytest.mark.parametrize("case", FOCAL)
@pytest.mark.parametrize("codes", CODES.values(), ids=CODES)
def test_focal_weighs_by_doubt(case, codes):
    alpha, gamma = FOCAL[case]
    entropy, of_target = elements(codes)
    expected = (np.array(alpha) * (1 - of_target) ** gamma * entropy).mean(1)
    got, _ = values(focal(codes, alpha, gamma))
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_focal_by_hand():
    # Logit 0 is a probability of one half: 1/4 * 1/2^2 * log 2.
    got, _ = values(focal(np.eye(3, dtype=np.float32), (0.25,)), np.zeros((2, 3), np.float32))
    np.testing.assert_allclose(got, [np.log(2) / 16] * 2, rtol=1e-6)


@pytest.mark.parametrize("codes", CODES.values(), ids=CODES)
def test_focal_without_focus_is_bce(codes):
    np.testing.assert_allclose(values(focal(codes, (1.0,), 0.0))[0], values(bce(codes))[0])


@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("size", [0.0, 20.0, 90.0, 1e4])
def test_extreme_logits_have_finite_losses_and_slopes(gamma, size):
    logits = jnp.array([[size, -size, size], [-size, size, -size]], jnp.float32)
    loss = focal(CODES["one each"], (1.0,), gamma)
    got, slope = jax.value_and_grad(lambda outputs: values(loss, outputs)[0].sum())(logits)
    assert np.isfinite(got) and np.isfinite(slope).all()


@pytest.mark.parametrize("make", [bce, focal])
def test_unknown_codes_are_left_out_of_the_mean(make):
    known = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1]], np.float32)
    codes = known.copy()
    codes[0, 1] = codes[2, 0] = codes[2, 1] = np.nan
    got, weights = values(make(codes))
    each = (
        values(make(known[:, :1]), LOGITS[:, :1])[0],
        values(make(known[:, 2:]), LOGITS[:, 2:])[0],
    )
    np.testing.assert_allclose(got, [(each[0][0] + each[1][0]) / 3, each[1][1] / 3], rtol=1e-6)
    np.testing.assert_allclose(weights, [2 / 3, 1 / 3], rtol=1e-6)
    all_known = (each[0][0] + each[1][0] + each[1][1]) / 3
    np.testing.assert_allclose(got.sum() / weights.sum(), all_known, rtol=1e-6)
