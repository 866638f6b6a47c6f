import numpy as np
import pytest

from jaxcovid.statistics.intervals import groups_behind, interval_of_mean
from jaxcovid.statistics.metrics import measure
from tests.statistics import fold_simulations
from tests.statistics.predictions import CLASSES, certain, sample
from tests.statistics.simulations import METRICS, POPULATIONS, covered


def test_intervals_cover():
    """All populations together: 140 samples, whose share varies by 0.018 where it is 0.95."""
    shares = {metric: [] for metric in METRICS}
    for population in POPULATIONS.values():
        for metric, (share, _) in covered(population, 10).items():
            shares[metric].append(share)
    means = {metric: float(np.mean(of_metric)) for metric, of_metric in shares.items()}
    assert all(0.90 <= mean <= 0.995 for mean in means.values()), means
    assert min(map(min, shares.values())) >= 0.7


def test_images_of_a_patient_are_not_independent():
    population = POPULATIONS["40 patients, 1 to 4 images"]
    share, _ = covered(population, 100, as_if_independent=True)["accuracy"]
    assert share < 0.90


def test_intervals_are_no_wider_than_they_must_be():
    """Percentiles of the bootstrap, which hold the truth in 94 of 100 samples, are 0.043 wide."""
    population = POPULATIONS["28 of 628 are hardly ever found"]
    _, width = covered(population, 20)["balanced_accuracy"]
    assert 0.05 < width < 0.07


def test_a_class_that_is_always_missed_widens_the_mean():
    labels = np.repeat([0, 1, 2], [60, 60, 17])
    predictions = np.where(labels == 2, 0, labels)
    predictions[:5], predictions[60:65] = 1, 0
    got = measure(labels, certain(predictions), CLASSES)
    # The recall of 0 of 17 may be as high as 0.18432, a third of which counts for the mean.
    assert got["intervals"]["per_class"]["c"]["recall"] == [0, pytest.approx(0.18432, abs=1e-5)]
    low, high = got["intervals"]["balanced_accuracy"]
    assert high - got["balanced_accuracy"] > 0.18432 / 3 > got["balanced_accuracy"] - low


def test_a_mean_by_hand():
    """Two independent shares of 0.5 and 1: reaches of 0.3 and 0.4 down, 0.3 and 0 up."""
    got = interval_of_mean([0.5, 1.0], [(0.2, 0.8), (0.6, 1.0)], np.eye(2))
    assert got == (pytest.approx(0.75 - 0.25), pytest.approx(0.75 + 0.15))
    together = interval_of_mean([0.5, 1.0], [(0.2, 0.8), (0.6, 1.0)], np.ones((2, 2)))
    assert together == (pytest.approx(0.75 - 0.35), pytest.approx(0.75 + 0.15))
    # Of what has no interval, anything is possible.
    assert interval_of_mean([0.5, 1.0], [(0.5, 0.5), None], np.eye(2)) == (0.25, 0.75)


def test_areas_of_two_classes_are_one_area():
    labels, probabilities = sample(80, classes=2, strength=1.0)
    intervals = measure(labels, probabilities, "ab")["intervals"]
    assert intervals["auroc"] == pytest.approx(intervals["per_class"]["a"]["auroc"], abs=1e-9)


# Of class a six images of four patients, of b four of two, of c none.
LABELS = np.array([0] * 6 + [1] * 4)
PATIENTS = np.array([1, 1, 1, 2, 3, 4, 5, 5, 5, 6])

BEHIND = {  # key, denominator of a ratio, fewest, groups and why they are too few
    "a ratio over all": (("accuracy",), np.ones(10, bool), 9, (6, "")),
    "a ratio over a class": (("per_class", "a", "recall"), LABELS == 0, 5, (4, "")),
    "a ratio over nothing": (("per_class", "c", "recall"), LABELS == 2, 5, (0, "")),
    "calibration": (("ece",), None, 9, (6, "")),
    "the Brier score": (("brier",), None, 9, (6, "")),
    "a mean by images": (("weighted_f1",), None, 9, (6, "")),
    "a mean over classes": (("auroc",), None, 2, (2, "")),
    "a mean over classes, of few": (
        ("auroc",), None, 3, (2, "fewer than 3 examples or patients are of class b"),
    ),
    "a curve, of fewer others": (
        ("per_class", "a", "auroc"), None, 3, (2, "fewer than 3 examples or patients are of other classes"),
    ),
    "a curve, of few": (
        ("per_class", "b", "auprc"), None, 3, (2, "fewer than 3 examples or patients are of class b"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BEHIND)
def test_how_many_patients_are_behind_a_metric(case):
    key, denominator, fewest, expected = BEHIND[case]
    ratio = None if denominator is None else (denominator, denominator)
    assert groups_behind(key, ratio, LABELS, PATIENTS, CLASSES, fewest) == expected


def test_nothing_is_behind_a_metric_of_nothing():
    nothing = np.zeros(0, int)
    assert groups_behind(("mcc",), None, nothing, nothing, CLASSES) == (0, "")


def test_intervals_of_folds_cover():
    """All together 48 samples, whose share varies by 0.03 where it is 0.95."""
    shares = [fold_simulations.covered(of, 12) for of in fold_simulations.POPULATIONS.values()]
    for metric in fold_simulations.METRICS:
        assert np.mean([share[metric] for share in shares]) >= 0.85
