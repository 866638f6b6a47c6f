"""Whether settings differ, by runs that share their seeds."""

from collections.abc import Sequence

import numpy as np
from scipy import stats


def paired(values: Sequence[float], others: Sequence[float]) -> float | None:
    """The p-value of Student's paired test; None with fewer than two pairs.

    Runs of one seed share their order of images, first weights and dropout. With differences that
    are all alike the test has no spread to go by: 1 if they are 0, else None.
    """
    differences = np.subtract(values, others)
    if len(differences) < 2:
        return None
    if np.ptp(differences) == 0:
        return 1.0 if differences[0] == 0 else None
    return float(np.asarray(stats.ttest_1samp(differences, 0))[1])


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment (1979): of all these tests together, each may be believed at its value."""
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.minimum(np.maximum.accumulate(np.asarray(p_values)[order] * factors), 1)
    found = np.empty(len(p_values))
    found[order] = adjusted
    return found.tolist()
