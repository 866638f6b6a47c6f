import numpy as np
import pytest

from jaxcovid.statistics.holm import holm

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
