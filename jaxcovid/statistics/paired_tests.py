"""Whether settings differ, by runs that share their seeds."""

from collections.abc import Sequence

import numpy as np
import scipy


def paired_t_test(values: Sequence[float], others: Sequence[float]) -> float | None:
    """The two-sided p-value of Student's paired test; None with fewer than two pairs.

    Values at the same place of two sequences of one length are a pair, such as two runs of one
    seed, which share their order of images, first weights and dropout. With differences that are
    all alike the test has no spread to go by: 1 if they are 0, else None.
    """
    differences = np.subtract(values, others)
    if len(differences) < 2:
        return None
    if np.ptp(differences) == 0:
        return 1.0 if differences[0] == 0 else None
    return float(np.asarray(scipy.stats.ttest_1samp(differences, 0))[1])


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values (Scandinavian Journal of Statistics 1979), in the order given.

    Taken together at a level, tests whose adjusted value is below it include a wrong one with no
    more than that probability.
    """
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.minimum(np.maximum.accumulate(np.asarray(p_values)[order] * factors), 1)
    in_given_order = np.empty(len(p_values))
    in_given_order[order] = adjusted
    return in_given_order.tolist()
