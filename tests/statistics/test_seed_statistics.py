import math

import numpy as np
import pytest

from jaxcovid.statistics.seed_statistics import (
    Estimate,
    difference,
    over_seeds,
    overlap,
    proportion,
)


def test_student_over_seeds():
    estimate = over_seeds([0.5, 0.6, 0.7])
    assert estimate.value == pytest.approx(0.6)
    # Mean of 3, standard error 0.1 / sqrt(3), t of 2 degrees of freedom 4.3027.
    assert estimate.low == pytest.approx(0.6 - 4.3027 * 0.1 / 3**0.5, abs=1e-4)
    assert estimate.reason == ""
    assert over_seeds([0.9, 0.95, 1.0]).high == 1
    assert over_seeds([1.0, 1.1, 1.2], highest=math.inf).low == pytest.approx(0.8516, abs=1e-4)


NO_INTERVAL = {
    "one seed": ([0.5], Estimate(0.5, reason="one seed")),
    # Not "0.45 to 0.45", nor a spread that rounding makes.
    "alike": ([0.1 + 0.2] * 3, Estimate(0.1 + 0.2, reason="all seeds alike")),
    # Not "0 to 1".
    "far apart": ([0.0, 1.0], Estimate(0.5, reason="seeds too far apart")),
}


@pytest.mark.parametrize("case", NO_INTERVAL)
def test_why_there_is_no_interval_over_seeds(case):
    values, expected = NO_INTERVAL[case]
    assert over_seeds(values) == expected


def test_wilson_of_the_reported_matrix():
    assert proportion(1273, 1500)[:3] == pytest.approx((0.8487, 0.8297, 0.8659), abs=1e-4)


OVERLAPS = {
    "apart": ((0, 0.1), (0.2, 0.3), False),
    "touching": ((0, 0.2), (0.2, 0.3), True),
    "within": ((0, 1), (0.2, 0.3), True),
    "missing": (None, (0.2, 0.3), None),
}


@pytest.mark.parametrize("case", OVERLAPS)
def test_overlap(case):
    one, other, expected = OVERLAPS[case]
    assert overlap(one, other) is expected
    assert overlap(other, one) is expected


def draws(seed, share, size=400):
    return np.random.default_rng(seed).random(size) < share


def test_a_difference_takes_in_seeds_and_images():
    one = {seed: draws(seed, 0.8) for seed in range(4)}
    other = {seed: draws(10 + seed, 0.5) for seed in range(4)}
    estimate = difference([(1, one), (-1, other)])
    assert (
        estimate is not None and estimate.above and estimate.value == pytest.approx(0.3, abs=0.05)
    )
    alone = difference([(1, {0: one[0]}), (-1, {0: other[0]})])
    assert alone is not None and alone.low is not None and estimate.low is not None
    assert alone.value - alone.low > estimate.value - estimate.low


def test_a_difference_needs_common_seeds():
    right = draws(0, 0.5)
    assert difference([(1, {0: right}), (-1, {1: right})]) is None
    assert difference([(1, {0: right}), (-1, {0: right, 1: right})]) == Estimate(0, 0, 0)


def test_the_interval_holds_the_truth():
    """Seeds that differ by 5 points, 200 images: 95 % of 200 simulated comparisons, about."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(200):
        hardness = rng.random(200)
        one, other = (
            {seed: hardness < share + rng.normal(0, 0.05) for seed in range(3)}
            for share in (0.7, 0.6)
        )
        estimate = difference([(1, one), (-1, other)])
        assert estimate is not None and estimate.low is not None and estimate.high is not None
        held += estimate.low <= 0.1 <= estimate.high
    assert held >= 184
