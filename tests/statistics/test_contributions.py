"""Contributions of images: their mean is the figure, their spread its standard error."""

import numpy as np
import pytest

from jaxcovid.statistics.contributions import (
    auroc_contributions,
    balanced_accuracy_contributions,
)
from jaxcovid.statistics.weighted_metrics import weighted_metrics

CLASSES = ("a", "b", "c")
RNG = np.random.default_rng(0)
LABELS = np.repeat([0, 1, 2], (20, 45, 85))
LOGITS = RNG.normal(0, 1, (150, 3)) + 1.2 * np.eye(3)[LABELS]
# Rounded, so that some are equal.
PROBABILITIES = np.round(np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True), 2)
CONTRIBUTIONS = {
    "balanced_accuracy": balanced_accuracy_contributions(LABELS, PROBABILITIES.argmax(1) == LABELS),
    "auroc": auroc_contributions(LABELS, PROBABILITIES),
}


@pytest.mark.parametrize("metric", CONTRIBUTIONS)
def test_mean_and_spread_are_those_of_the_figure(metric):
    values = CONTRIBUTIONS[metric]
    figures = weighted_metrics(LABELS, PROBABILITIES, CLASSES, {})
    assert values.mean() == pytest.approx(figures(np.ones((1, 150)))[metric,][0])
    resamples = RNG.multinomial(150, np.full(150, 1 / 150), 2000).astype(float)
    spread = np.std(figures(resamples)[metric,])
    # 2,000 resamples tell a standard error to 1.6 %.
    assert np.std(values) / 150**0.5 == pytest.approx(spread, rel=0.08)


def test_classes_that_do_not_occur_count_for_nothing():
    labels = np.array([0, 0, 1, 1, 1])
    correct = np.array([True, False, True, True, True])
    assert balanced_accuracy_contributions(labels, correct).mean() == pytest.approx(0.75)
    probabilities = np.array(
        [[0.9, 0.1, 0], [0.4, 0.6, 0], [0.3, 0.7, 0], [0.2, 0.8, 0], [0.5, 0.5, 0]]
    )
    assert auroc_contributions(labels, probabilities).mean() == pytest.approx(5 / 6)
    assert auroc_contributions(np.zeros(5, int), probabilities) is None
