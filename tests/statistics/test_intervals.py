import numpy as np
import pytest
from scipy import stats

from jaxcovid.statistics.intervals import groups_behind
from jaxcovid.statistics.metrics import measure
from tests.statistics.predictions import CLASSES, certain, softmax


def covered(draw, truth, sets):
    """In how many of so many samples of a known population the intervals hold its values."""
    rng = np.random.default_rng(3)
    hits = dict.fromkeys(truth, 0)
    for seed in range(sets):
        labels, scores, groups = draw(rng)
        probabilities = softmax(np.stack([0 * scores, scores], 1))
        got = measure(labels, probabilities, "ab", groups=groups, seed=seed, resamples=60)
        for metric, value in truth.items():
            low, high = got["intervals"][metric] or (np.nan, np.nan)
            hits[metric] += low <= value <= high
    return {metric: count / sets for metric, count in hits.items()}


@pytest.mark.parametrize("images", ["one each", "of patients", "of patients, as if independent"])
def test_intervals_cover(images):
    """Images alone, or 1 to 4 of a patient that are alike."""
    # Scores are 1.6 apart and of standard deviation 1.
    truth = {"accuracy": stats.norm.cdf(0.8), "auroc": stats.norm.cdf(1.6 / np.sqrt(2))}

    def draw(rng):
        counts = np.ones(90, int) if images == "one each" else rng.integers(1, 5, 40)
        groups = np.repeat(np.arange(len(counts)), counts)
        labels = rng.integers(0, 2, len(counts))[groups]
        of_patient = rng.normal(size=len(counts))[groups]
        noise = 0.9 * of_patient + np.sqrt(1 - 0.9**2) * rng.normal(size=len(groups))
        known = None if "independent" in images else groups
        return labels, 1.6 * (labels - 0.5) + noise, known

    shares = covered(draw, truth, 100)
    # The mean of 100 draws at 0.95 has a standard deviation of 0.02.
    if "independent" in images:
        assert shares["accuracy"] < 0.90
    else:
        assert all(0.90 <= share <= 0.99 for share in shares.values())


def test_intervals_cover_with_a_rare_class():
    """5 of 160; with all degrees of freedom and nothing for a recall of 1 it was 0.47 and 0.8."""
    truth = {"balanced_accuracy": stats.norm.cdf(1), "auroc": stats.norm.cdf(2 / np.sqrt(2))}
    labels = np.arange(160) // 155

    def draw(rng):
        return labels, 2 * (labels - 0.5) + rng.normal(size=160), None

    assert min(covered(draw, truth, 60).values()) >= 0.95


def test_a_class_that_is_always_missed_widens_the_mean():
    labels = np.repeat([0, 1, 2], [60, 60, 17])
    predictions = np.where(labels == 2, 0, labels)
    predictions[:5], predictions[60:65] = 1, 0
    got = measure(labels, certain(predictions), CLASSES)
    # The recall of 0 of 17 may be as high as 0.19506, a third of which counts for the mean.
    assert got["intervals"]["per_class"]["c"]["recall"] == [0, pytest.approx(0.19506, abs=1e-5)]
    low, high = got["intervals"]["balanced_accuracy"]
    assert high - got["balanced_accuracy"] > 0.19506 / 3 > got["balanced_accuracy"] - low


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
