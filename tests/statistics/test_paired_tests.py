import numpy as np
import pytest
from scipy import stats

from jaxcovid.statistics.paired_tests import holm, paired_t_test


def test_paired_is_students_test():
    one, other = [0.9, 0.8, 0.85, 0.7], [0.85, 0.82, 0.8, 0.6]
    assert paired_t_test(one, other) == pytest.approx(stats.ttest_rel(one, other).pvalue)


EDGES = {
    "one pair": ([0.9], [0.8], None),
    "none": ([], [], None),
    "alike": ([0.9, 0.8], [0.9, 0.8], 1.0),
    "always the same difference": ([0.75, 0.5], [0.5, 0.25], None),
}


@pytest.mark.parametrize("case", EDGES)
def test_paired_where_there_is_no_spread(case):
    one, other, expected = EDGES[case]
    assert paired_t_test(one, other) == expected


HOLM = {
    "none": ([], []),
    "one": ([0.03], [0.03]),
    # 0.01 * 3, then 0.02 * 2, then 0.9.
    "steps down": ([0.9, 0.01, 0.02], [0.9, 0.03, 0.04]),
    "never falls": ([0.01, 0.011, 0.012], [0.03, 0.03, 0.03]),
    "at most one": ([0.6, 0.7], [1.0, 1.0]),
}


@pytest.mark.parametrize("case", HOLM)
def test_holm(case):
    given, expected = HOLM[case]
    np.testing.assert_allclose(holm(given), expected)
