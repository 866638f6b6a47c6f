import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxcovid.statistics.bootstrap import (
    SAME,
    bootstrap,
    difference_interval,
    inflated_interval,
    interval,
    no_spread,
    p_value,
    resample_weights,
    standard_error,
)

GROUPS = st.lists(st.integers(-3, 5), min_size=2, max_size=30).filter(
    lambda groups: len(set(groups)) > 1
)


def together(groups, resamples, seed, **kwargs):
    return np.concatenate(list(resample_weights(np.array(groups), resamples, seed, **kwargs)))


@settings(max_examples=50, deadline=None)
@given(GROUPS, st.integers(1, 30), st.integers(1, 200))
def test_whole_groups_are_drawn_whatever_the_chunks(groups, resamples, elements):
    weights = together(groups, resamples, 5)
    assert weights.shape == (resamples, len(groups))
    np.testing.assert_array_equal(weights, together(groups, resamples, 5, elements=elements))
    first = [groups.index(group) for group in groups]
    np.testing.assert_array_equal(weights, weights[:, first])
    distinct = [groups.index(group) for group in set(groups)]
    np.testing.assert_array_equal(weights[:, distinct].sum(1), len(distinct))


def test_draws_are_with_replacement():
    weights = together(np.arange(50), 4000, 0)
    assert weights.mean(0) == pytest.approx(np.ones(50), abs=0.1)
    assert np.mean(weights == 0) == pytest.approx((1 - 1 / 50) ** 50, abs=0.01)
    assert not np.array_equal(weights, together(np.arange(50), 4000, 1))


@pytest.mark.parametrize("groups", [[], [3], [3, 3, 3]])
def test_nothing_to_draw(groups):
    assert not list(resample_weights(np.array(groups, int), 10, 0))


def test_bootstrap_puts_the_value_first():
    values = np.arange(10.0)
    resampled = bootstrap(lambda weights: {"mean": weights @ values / 10}, np.arange(10), 1000, 0)
    assert resampled["mean"].shape == (1001,)
    assert resampled["mean"][0] == 4.5
    # Of a mean: the standard deviation over the root of n.
    expected = np.std(values, ddof=1) / np.sqrt(10)
    assert standard_error(resampled["mean"], 10) == pytest.approx(expected, rel=0.05)


SPREADS = {  # value and resamples, groups, reason
    "good": ([0.5, 0.4, 0.6, np.nan], 5, None),
    "one group": ([0.5, 0.4, 0.6], 1, "one example or one patient says nothing of others"),
    "mostly undefined": (
        [0.5, 0.4, np.nan, np.nan, 0.3], 5, "undefined in at least half of the resamples",
    ),
    "no resamples": ([0.5], 5, "undefined in at least half of the resamples"),
    "all the same but for rounding": ([0.3, 0.1 + 0.2, 0.3, np.nan], 5, SAME),
}  # fmt: skip


@pytest.mark.parametrize("case", SPREADS)
def test_no_spread(case):
    values, groups, reason = SPREADS[case]
    assert no_spread(np.array(values), groups) == reason


@settings(max_examples=50, deadline=None)
@given(st.floats(0.01, 0.99), st.floats(0.001, 0.2), st.integers(2, 500))
def test_intervals_stay_within_bounds(share, error, groups):
    values = np.array([share, share - error, share + error])
    low, high = interval(values, groups)
    assert 0 <= low < share < high <= 1
    for bounds in ((-1, 1), (0, 2)):
        scaled = bounds[0] + values * (bounds[1] - bounds[0])
        moved = [bounds[0] + end * (bounds[1] - bounds[0]) for end in (low, high)]
        assert interval(scaled, groups, *bounds) == pytest.approx(moved)
    mirrored = interval(1 - values, groups)
    assert mirrored == pytest.approx((1 - high, 1 - low))


def test_intervals_by_hand():
    # A standard deviation of 0.1 over resamples, corrected by the root of 5 / 4; t of 4: 2.776445.
    values = np.array([0.5, 0.4, 0.6])
    error = 0.1 * np.sqrt(5 / 4)
    assert difference_interval(values, 5) == pytest.approx(
        (0.5 - 2.776445 * error, 0.5 + 2.776445 * error)
    )
    high = 1 / (1 + np.exp(-2.776445 * error / 0.25))
    assert interval(values, 5) == pytest.approx((1 - high, high))


def test_inflated_interval_by_hand():
    # A standard deviation of 1 corrected by the root of 3 / 2; inflation 0.5; t of 2: 4.302653.
    values = np.array([20.0, 19.5, 21.5])
    low, high = inflated_interval(values / 100, 3)
    assert low == pytest.approx((20 - 1 - 4.302653 * np.hypot(np.sqrt(1.5), 0.5)) / 100)
    assert high == pytest.approx((20 + 4.302653 * np.sqrt(1.5)) / 100)
    assert inflated_interval(np.array([0.01, 0.02, 0.03]), 3)[0] == 0


@settings(max_examples=50, deadline=None)
@given(st.floats(-1, 1), st.floats(0.01, 1), st.integers(2, 300))
def test_p_is_small_where_the_interval_leaves_out_0(difference, error, groups):
    values = np.array([difference, difference - error, difference + error])
    low, high = difference_interval(values, groups)
    p = p_value(values, groups)
    assert 0 <= p <= 1
    if abs(p - 0.05) > 1e-9:
        assert (p < 0.05) == (low > 0 or high < 0)
