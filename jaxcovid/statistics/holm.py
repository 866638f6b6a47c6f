"""Tests that are taken together."""

from collections.abc import Sequence

import numpy as np


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
