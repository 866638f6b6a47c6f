import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid.errors import InputError
from jaxcovid.training.label_codes import class_codes, class_scores, share_of_findings

CLASSES = ("covid-19", "normal", "pneumonia")
IMPLIED = "covid-19=covid-19+pneumonia"

CASES = {
    "none": ((), np.eye(3)),
    "one implies another": ((IMPLIED,), [[1, 0, 1], [0, 1, 0], [0, 0, 1]]),
    "spaces": ((" covid-19 = covid-19 + pneumonia ",), [[1, 0, 1], [0, 1, 0], [0, 0, 1]]),
    "of others only": (("covid-19=normal+pneumonia",), [[0, 1, 1], [0, 1, 0], [0, 0, 1]]),
    "two": ((IMPLIED, "normal=covid-19+normal"), [[1, 0, 1], [1, 1, 0], [0, 0, 1]]),
}


@pytest.mark.parametrize("case", CASES)
def test_codes(case):
    implications, expected = CASES[case]
    np.testing.assert_array_equal(class_codes(CLASSES, implications), expected)


BAD = {
    "unknown class": (("flu=flu+normal",), "'flu=flu.normal' names 'flu', 'flu'"),
    "unknown part": (("covid-19=covid-19+flu",), "names 'flu', which is no class"),
    "no parts": (("covid-19",), "names '', which is no class"),
    "the same code": (("covid-19=pneumonia",), "two classes have the same code"),
    "coded twice": ((IMPLIED, "covid-19=covid-19+normal"), "'covid-19' is coded twice"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_code_is_refused(case):
    implications, message = BAD[case]
    with pytest.raises(InputError, match=message):
        class_codes(CLASSES, implications)


def test_codes_of_one_output_score_as_the_logits():
    logits = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    difference = np.asarray(class_scores(jnp.asarray(logits), class_codes(CLASSES))) - logits
    np.testing.assert_allclose(difference, difference[:, :1].repeat(3, 1), atol=1e-6)


DECISIONS = {  # probabilities of covid-19, normal, pneumonia, and the class to answer with
    "both": ((0.9, 0.1, 0.9), "covid-19"),
    "pneumonia alone": ((0.1, 0.1, 0.9), "pneumonia"),
    "normal alone": ((0.1, 0.9, 0.1), "normal"),
    # Fits no code: 0.7 * 0.9 * 0.4 as covid, against 0.3 * 0.9 * 0.4 as pneumonia.
    "covid without pneumonia": ((0.7, 0.1, 0.4), "covid-19"),
    # 0.55 * 0.44 alone, against 0.45 * 0.44 with covid: the largest output is not the answer.
    "a doubtful covid": ((0.45, 0.1, 0.44), "pneumonia"),
    "nothing found": ((0.2, 0.3, 0.2), "normal"),
}  # fmt: skip


@pytest.mark.parametrize("case", DECISIONS)
def test_the_likeliest_code_decides(case):
    shares, expected = DECISIONS[case]
    shares, table = np.array(shares, np.float32), class_codes(CLASSES, (IMPLIED,))
    scores = np.asarray(class_scores(jnp.log(shares / (1 - shares))[None], table))[0]
    likelihoods = np.where(table == 1, shares, 1 - shares).prod(1)
    np.testing.assert_allclose(np.exp(scores), likelihoods, rtol=1e-5)
    assert CLASSES[scores.argmax()] == expected


def test_the_share_of_known_findings_that_is_right():
    codes = np.array([[1, 0, np.nan], [1, 1, 0]], np.float32)
    correct = share_of_findings(codes)
    logits = jnp.array([[2.0, 3, -1], [1, -1, -1], [0, 1, 1]])
    got = correct(logits, jnp.array([0, 1, 1]), jnp.ones(3))
    np.testing.assert_allclose(got, [1 / 2, 2 / 3, 1 / 3], rtol=1e-6)
