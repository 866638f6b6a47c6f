"""The accuracy that is left: against sorting by hand, and how often intervals hold the truth."""

import numpy as np
import pytest
import scipy

from jaxcovid.statistics.referral import GRID, SHARES, referral, referral_band

CLASSES = ("a", "b")


def as_sure(quantile):
    """Right as often as it is sure."""
    return 0.5 + quantile / 2


def sharply(quantile):
    """Mostly wrong where it is least sure, nearly always right elsewhere."""
    return np.where(quantile < 0.22, 0.3, 0.97)


def sample(patients, of_each, seed, alike=0.0, chance=as_sure):
    """Two classes and answers that are right by `chance` of how sure they are among all.

    How sure it is of images of a patient is alike.
    """
    rng = np.random.default_rng(seed)
    units = np.repeat(np.arange(patients), of_each)
    common = rng.normal(size=patients)[units]
    drawn = np.sqrt(alike) * common + np.sqrt(1 - alike) * rng.normal(size=len(units))
    quantile = scipy.stats.norm.cdf(drawn)
    sure = 0.5 + quantile / 2
    labels = rng.integers(0, 2, len(units))
    answers = np.where(rng.random(len(units)) < chance(quantile), labels, 1 - labels)
    probabilities = np.where(
        (answers == 0)[:, None], np.stack([sure, 1 - sure], 1), np.stack([1 - sure, sure], 1)
    )
    return labels, probabilities, units


def test_it_is_what_sorting_gives():
    labels, probabilities, units = sample(200, 1, seed=0)
    record = referral(labels, probabilities, CLASSES, groups=units)
    order = np.argsort(probabilities.max(1))
    for share in SHARES:
        kept = order[round(share * 200) :]
        of_share = record[f"{100 * share:.0f}"]
        right = probabilities[kept].argmax(1) == labels[kept]
        assert of_share["accuracy"] == pytest.approx(right.mean())
        assert of_share["images"] == len(kept)
        assert of_share["below"] == pytest.approx(probabilities[kept].max(1).min())
        referred = np.setdiff1d(order, kept)
        counts = np.bincount(labels[referred], minlength=2).tolist()
        assert list(of_share["referred"].values()) == counts
        low, high = of_share["interval"]
        assert low < of_share["accuracy"] < high


def test_among_equals_it_is_the_mean_over_choices():
    probabilities = np.array([[0.9, 0.1]] * 5 + [[0.6, 0.4]] * 5)
    labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
    of_tenth = referral(labels, probabilities, CLASSES)["10"]
    # Nine of ten: five that are right, and four of the five of which one is right.
    assert of_tenth["accuracy"] == pytest.approx((5 + 4 / 5) / 9)


def test_images_are_whole():
    labels, probabilities, units = sample(33, 1, seed=3)
    record = referral(labels, probabilities, CLASSES, groups=units)
    order = np.argsort(probabilities.max(1))
    assert [of_share["images"] for of_share in record.values()] == [31, 30, 26]
    for of_share in record.values():
        kept = order[33 - of_share["images"] :]
        right = probabilities[kept].argmax(1) == labels[kept]
        assert of_share["accuracy"] == pytest.approx(right.mean())
    few = referral(labels[:8], probabilities[:8], CLASSES)
    assert list(few) == ["10", "20"]  # a twentieth is none of them


def test_counts_among_equals_do_not_follow_the_order_of_files():
    probabilities = np.tile([0.6, 0.4], (40, 1))
    labels = np.repeat([0, 1], 20)
    counts = referral(labels, probabilities, CLASSES)["20"]["referred"]
    assert sum(counts.values()) == 8 and min(counts.values()) > 0


def test_where_all_wrong_images_are_referred_the_rest_has_an_interval():
    sure = np.linspace(0.55, 0.95, 100)
    probabilities = np.stack([sure, 1 - sure], 1)
    labels = (np.arange(100) < 20).astype(int) * (np.arange(100) % 5 == 0)
    of_fifth = referral(labels, probabilities, CLASSES, groups=np.arange(100) // 2)["20"]
    low, high = of_fifth["interval"]
    assert of_fifth["accuracy"] == high == 1 and low == pytest.approx(0.912, abs=0.002)  # 40 of 40


SURE = {"right": (0, 1.0), "wrong": (1, 0.0)}


@pytest.mark.parametrize("label, accuracy", SURE.values(), ids=SURE)
def test_what_is_always_so_has_wilsons_interval(label, accuracy):
    probabilities = np.stack([np.linspace(0.6, 0.9, 40), np.linspace(0.4, 0.1, 40)], 1)
    record = referral(np.full(40, label), probabilities, CLASSES)["20"]
    low, high = record["interval"]
    assert record["accuracy"] == accuracy and (low if accuracy == 0 else high) == accuracy
    assert high - low == pytest.approx(0.107, abs=0.002)  # 32 of 32


def test_one_patient_has_no_interval():
    labels, probabilities, _ = sample(20, 1, seed=0)
    record = referral(labels, probabilities, CLASSES, groups=np.zeros(20, int))
    assert record["5"]["interval"] is None and "one patient" in record["5"]["reason"]
    _, low, high = referral_band(labels, probabilities, groups=np.zeros(20, int))
    assert np.isnan(low).all() and np.isnan(high).all()


def test_the_curve_begins_at_the_accuracy_and_has_the_points_of_the_record():
    labels, probabilities, units = sample(300, 1, seed=1)
    value, low, high = referral_band(labels, probabilities, groups=units)
    assert value[0] == pytest.approx((probabilities.argmax(1) == labels).mean())
    of_fifth = referral(labels, probabilities, CLASSES, groups=units)["20"]["accuracy"]
    assert value[np.isclose(GRID, 0.2)] == pytest.approx(of_fifth)
    assert (low <= value).all() and (value <= high).all()
    assert value[-1] > value[0]  # these are right as often as they are sure


POPULATIONS = {
    "80 patients": (80, 1, 0.0, as_sure, 0.8),
    "300 patients": (300, 1, 0.0, as_sure, 0.8),
    "300 patients, sharply": (300, 1, 0.0, sharply, (0.02 * 0.3 + 0.78 * 0.97) / 0.8),
    "40 patients of 4 images": (40, 4, 0.8, as_sure, 0.8),
    "100 patients of 3 images": (100, 3, 0.5, as_sure, 0.8),
}


@pytest.mark.parametrize(
    "patients, of_each, alike, chance, truth", POPULATIONS.values(), ids=POPULATIONS
)
def test_intervals_hold_the_accuracy_that_is_left(patients, of_each, alike, chance, truth):
    held = 0
    for seed in range(400):
        labels, probabilities, units = sample(patients, of_each, seed, alike, chance)
        record = referral(labels, probabilities, CLASSES, groups=units, resamples=200)
        low, high = record["20"]["interval"]
        held += low <= truth <= high
    assert 0.92 <= held / 400 <= 0.99
