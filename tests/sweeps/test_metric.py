"""What always answering the commonest class gets, by each figure."""

import numpy as np
import pytest

from jaxcovid.sweeps.metric import METRICS, WORDS, Majority, majority, merit
from jaxcovid.sweeps.outcome import member_figures
from tests.sweeps.made_up import IMAGES


@pytest.mark.parametrize("metric", [metric for metric in METRICS if metric != "loss"])
@pytest.mark.parametrize("counts", [(6, 14), (3, 5, 4), (2, 5, 0)])
def test_the_majority_gets_what_is_measured_of_it(metric, counts):
    classes = tuple("abc"[: len(counts)])
    labels = np.repeat(np.arange(len(counts)), counts)
    always = np.tile(np.eye(len(counts))[np.argmax(counts)], (len(labels), 1))
    expected = member_figures(always, labels, classes)[metric]
    found = majority(metric, dict(zip(classes, counts, strict=True)))
    assert found == ("b", metric, pytest.approx(expected))


def test_beside_a_loss_stands_the_balanced_accuracy():
    assert majority("loss", IMAGES) == Majority("normal", "balanced_accuracy", 0.5)


def test_more_is_better_but_of_loss():
    assert [merit(metric, 0.3) for metric in ("accuracy", "loss")] == [0.3, -0.3]
    assert set(METRICS) == set(WORDS) and METRICS[0] == "balanced_accuracy"
