"""Net benefit, against counting by hand."""

import numpy as np
import pytest

from jaxcovid.statistics.net_benefit import GRID, decision_curve

POSITIVE = np.array([True, True, True, False, False, False, False, False, False, False])
SCORES = np.array([0.9, 0.6, 0.3, 0.7, 0.4, 0.2, 0.1, 0.1, 0.0, 0.0])

# Threshold, hits, false alarms.
COUNTED = {"low": (0.05, 3, 5), "middle": (0.35, 2, 2), "high": (0.8, 1, 0)}


@pytest.mark.parametrize("threshold, hits, alarms", COUNTED.values(), ids=COUNTED)
def test_hits_less_false_alarms_at_the_odds(threshold, hits, alarms):
    curve = decision_curve(POSITIVE, SCORES)
    place = np.flatnonzero(np.isclose(GRID, threshold))
    odds = threshold / (1 - threshold)
    assert curve.value[place] == pytest.approx((hits - alarms * odds) / 10)
    assert curve.calling_all[place] == pytest.approx(0.3 - 0.7 * odds)


def test_what_is_always_called_is_worth_what_calling_all_is():
    curve = decision_curve(POSITIVE, np.ones(10))
    np.testing.assert_allclose(curve.value, curve.calling_all, atol=1e-12)
    assert (decision_curve(POSITIVE, np.zeros(10)).value == 0).all()


def test_the_band_holds_the_curve_and_patients_widen_it():
    rng = np.random.default_rng(0)
    positive = np.repeat(rng.random(40) < 0.4, 3)
    scores = np.clip(positive * 0.3 + rng.random(120) * 0.7, 0, 1)
    alone = decision_curve(positive, scores)
    together = decision_curve(positive, scores, groups=np.repeat(np.arange(40), 3))
    for curve in (alone, together):
        assert (curve.low <= curve.value + 1e-9).all() and (curve.value <= curve.high + 1e-9).all()
    assert np.mean(together.high - together.low) > np.mean(alone.high - alone.low)


def test_one_patient_has_no_band():
    curve = decision_curve(POSITIVE, SCORES, groups=np.zeros(10, int))
    assert np.isnan(curve.low).all() and np.isfinite(curve.value).all()
