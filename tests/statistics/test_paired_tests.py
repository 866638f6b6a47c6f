"""Settings against the best of them: false alarms, power, and what the figures are."""

import numpy as np
import pytest
from scipy import stats

from jaxcovid.statistics.paired_tests import from_best, p_against_best


def test_of_two_settings_it_is_students_paired_test():
    one, other = [0.9, 0.8, 0.85, 0.7], [0.85, 0.82, 0.8, 0.6]
    best, worse = p_against_best(np.array([one, other]))
    assert best is None and worse == pytest.approx(stats.ttest_rel(one, other).pvalue)
    assert p_against_best(np.array([other, one])) == [worse, None]


def test_of_several_it_is_tukeys_in_randomised_blocks():
    levels = np.array([[0.7], [0.71], [0.72], [0.74]])
    values = np.random.default_rng(0).normal(levels, 0.01, (4, 5))
    means = values.mean(1)
    residuals = values - means[:, None] - values.mean(0) + values.mean()
    spread = np.sqrt((residuals**2).sum() / (3 * 4) / 5)
    of_range = [stats.studentized_range.sf((means[3] - mean) / spread, 4, 12) for mean in means]
    of_pair = [stats.ttest_rel(values[3], row).pvalue for row in values[:3]]
    for place, p_value in enumerate(p_against_best(values)[:3]):
        # Of a pair that is less alike than the others p is higher.
        assert p_value >= max(of_range[place], of_pair[place]) * (1 - 1e-9)
        assert p_value <= 3 * max(of_range[place], of_pair[place])


EDGES = {
    "one setting": ([[0.9, 0.8]], [None]),
    "one seed": ([[0.9], [0.8]], [None, None]),
    "alike": ([[0.9, 0.8], [0.9, 0.8]], [None, 1.0]),
    "always the same difference": ([[0.5, 0.25], [0.75, 0.5]], [None, None]),
    # Rounding leaves a spread of 1e-17 there.
    "all but for rounding": ([[0.1, 0.3], [0.2, 0.4]], [None, None]),
}


@pytest.mark.parametrize("case", EDGES)
def test_where_there_is_no_spread(case):
    values, expected = EDGES[case]
    assert p_against_best(np.array(values)) == expected


def test_a_noisy_pair_is_not_judged_by_the_quiet_ones():
    quiet = np.tile([[0.30, 0.31, 0.32]], (8, 1))
    values = np.concatenate([quiet, [[0.90, 0.70, 0.80], [0.62, 0.75, 0.70]]])
    assert p_against_best(values)[9] > 0.3


# Settings, seeds, and the upper 5 % of the studentised range: as in Tukey's tables.
CRITICAL = {(2, 3): 6.085, (3, 5): 4.041, (5, 3): 4.886, (10, 10): 4.601, (20, 3): 5.376}


def simulated(settings, seeds, lead, sweeps=4000):
    """Sweeps of alike settings, seeds of which shift all alike; the first is better by `lead`."""
    rng = np.random.default_rng(10 * settings + seeds)
    values = rng.normal(0, 1, (sweeps, settings, seeds)) + rng.normal(0, 2, (sweeps, 1, seeds))
    values[:, 0] += lead
    return values


def told_apart(values):
    """Where p would be below 0.05; by tabled values, as its integral takes milliseconds."""
    settings, seeds = values.shape[-2:]
    distance = from_best(values)
    of_range = distance.studentised > CRITICAL[settings, seeds]
    return of_range & (distance.paired > stats.t.isf(0.025, seeds - 1))


@pytest.mark.parametrize("sizes", CRITICAL)
def test_p_is_that_of_the_tabled_values(sizes):
    values = simulated(*sizes, lead=4, sweeps=3)
    for of_sweep, expected in zip(values, told_apart(values), strict=True):
        assert [p is not None and p < 0.05 for p in p_against_best(of_sweep)] == expected.tolist()


@pytest.mark.parametrize("sizes", CRITICAL)
def test_alike_settings_are_told_apart_in_at_most_5_percent_of_sweeps(sizes):
    """Two standard errors of 4,000 sweeps are 0.7 %."""
    assert told_apart(simulated(*sizes, lead=0)).any(1).mean() <= 0.057


# By how many spreads between seeds one is better, and the least share of others told from it.
POWER = {(2, 3): (6, 0.9), (3, 5): (4, 0.98), (5, 3): (6, 0.9), (10, 10): (3, 0.98), (20, 3): (6, 0.9)}  # fmt: skip


@pytest.mark.parametrize("sizes", POWER)
def test_a_clearly_better_setting_is_told_from_the_others(sizes):
    lead, least = POWER[sizes]
    assert told_apart(simulated(*sizes, lead, sweeps=1000))[:, 1:].mean() >= least
