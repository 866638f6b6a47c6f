import numpy as np

from jaxcovid.statistics.roc_band import POINTS, roc_band

RNG = np.random.default_rng(0)
POSITIVE = np.arange(200) % 2 == 0
SCORES = POSITIVE + RNG.normal(size=200)


def test_the_band_holds_the_curve_and_ends_at_one():
    grid, low, high = roc_band(POSITIVE, SCORES, np.arange(200))
    thresholds = np.quantile(SCORES[~POSITIVE], 1 - grid)
    curve = (SCORES[POSITIVE][:, None] >= thresholds).mean(0)
    assert ((low - 0.03 <= curve) & (curve <= high + 0.03)).all()
    assert (low <= high).all() and low[-1] == high[-1] == 1


def test_images_of_one_patient_are_drawn_together():
    copies = np.repeat(np.arange(200), 4)
    _, low, high = roc_band(POSITIVE[copies], SCORES[copies], copies)
    _, low_once, high_once = roc_band(POSITIVE, SCORES, np.arange(200))
    np.testing.assert_allclose(low, low_once, atol=1e-9)
    _, low_apart, high_apart = roc_band(POSITIVE[copies], SCORES[copies], np.arange(800))
    assert (high_apart - low_apart).mean() < 0.7 * (high_once - low_once).mean()
    np.testing.assert_allclose(high, high_once, atol=1e-9)


def test_without_resamples_the_ends_are_unknown():
    grid, low, high = roc_band(POSITIVE, SCORES, np.zeros(200, int))
    assert len(grid) == POINTS and np.isnan(low).all() and np.isnan(high).all()
