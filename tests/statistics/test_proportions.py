import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from jaxcovid.statistics.bootstrap import bootstrap
from jaxcovid.statistics.proportions import clustered_wilson, wilson


@given(st.integers(1, 500), st.integers(0, 500))
def test_of_whole_numbers_it_is_scipys(examples, hits):
    hits = min(hits, examples)
    expected = stats.binomtest(hits, examples).proportion_ci(0.95, method="wilson")
    assert wilson(hits / examples, examples) == pytest.approx(expected, abs=1e-12)


def test_published_values():
    """Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I."""
    published = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0, 0.1611)}
    for (hits, examples), expected in published.items():
        assert wilson(hits / examples, examples) == pytest.approx(expected, abs=5e-5)


def resamples_of(hits, groups):
    """The share of hits, and its resamples over the groups."""
    return bootstrap(
        lambda weights: {"share": weights @ hits / weights.sum(1)}, groups, 4000, seed=0
    )["share"]


def test_of_groups_of_one_it_is_nearly_that_of_independent_examples():
    hits = (np.arange(200) < 140).astype(float)
    got = clustered_wilson(resamples_of(hits, np.arange(200)), 200, 200)
    assert got == pytest.approx(wilson(0.7, 200), abs=0.004)


def test_of_groups_that_are_alike_it_is_that_of_the_groups():
    """40 patients of five images each that are all right or all wrong."""
    hits = np.repeat((np.arange(40) < 28).astype(float), 5)
    low, high = clustered_wilson(resamples_of(hits, np.repeat(np.arange(40), 5)), 200, 40)
    alone = wilson(0.7, 40)
    assert low == pytest.approx(alone[0], abs=0.02) and high == pytest.approx(alone[1], abs=0.02)
    assert low < alone[0] and high > alone[1]  # as Student's t is wider


def test_of_all_or_none_every_group_counts_as_one():
    values = np.ones(101)
    low, high = clustered_wilson(values, 300, 30)
    assert high == 1 and low < wilson(1.0, 30)[0]
    assert clustered_wilson(0 * values, 300, 30) == pytest.approx((0, 1 - low))


def test_no_more_examples_than_there_are():
    """Groups of one right and one wrong image each vary less than chance."""
    hits = np.tile([0.0, 1.0], 30)
    values = resamples_of(hits, np.repeat(np.arange(30), 2))
    low, high = clustered_wilson(values, 60, 30)
    alone = wilson(0.5, 60)
    assert low <= alone[0] and high >= alone[1]
