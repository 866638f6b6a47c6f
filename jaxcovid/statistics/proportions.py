"""Intervals of proportions: of independent examples, and of examples of patients."""

import math

import numpy as np
import scipy
from jaxtyping import Float

from jaxcovid.statistics.bootstrap import LEVEL, standard_error


def wilson(share: float, examples: float) -> tuple[float, float]:
    """95 % interval of a share (0 to 1) of independent examples (Wilson 1927).

    scipy's is the same for whole numbers of examples; here there may be fractions of one.
    """
    quantile = scipy.stats.norm.ppf((1 + LEVEL) / 2)
    added = quantile**2 / examples
    center = (share + added / 2) / (1 + added)
    reach = math.sqrt(added * (share * (1 - share) + added / 4)) / (1 + added)
    # At 0 and 1 the ends are these, but for rounding.
    low = 0.0 if share == 0 else max(0.0, center - reach)
    return float(low), 1.0 if share == 1 else min(1.0, float(center + reach))


def clustered_wilson(
    values: Float[np.ndarray, "_"], examples: int, groups: int
) -> tuple[float, float]:
    """95 % interval of a share of so many examples of at least two groups, such as patients.

    `values` are the share and its resamples as from `bootstrap`. It is Wilson's of as many
    independent examples as have the standard error of the resamples, fewer by how much wider
    Student's t of the groups is (Korn and Graubard 1998, "Confidence intervals for proportions with
    small expected number of positive counts"). Of a share that is 0 or 1 each group counts as one.
    """
    share, error = float(values[0]), standard_error(values, groups)
    effective = share * (1 - share) / error**2 if error > 0 else groups
    normal, student = (
        scipy.stats.norm.ppf((1 + LEVEL) / 2),
        scipy.stats.t.ppf((1 + LEVEL) / 2, groups - 1),
    )
    return wilson(share, min(effective, examples) * (normal / student) ** 2)
