"""How many patients an interval of a given width takes, for the area under a ROC curve."""

import math
from collections.abc import Callable

import scipy

from jaxcovid.statistics.bootstrap import LEVEL

# No test set that anyone plans is larger.
MOST = 10_000_000


def patients_needed(auroc: float, prevalence: float, width: float) -> int | None:
    """Patients for a 95 % interval of that full width, one image each, a share `prevalence` ill.

    The larger of what Hanley and McNeil's and Newcombe's standard errors ask for; None if the area
    is 0 or 1, where both are 0, or no number is enough. Riley et al. 2021 ("Minimum sample size for
    external validation of a clinical prediction model with a binary outcome") use the latter.
    """
    if not (0 < auroc < 1 and 0 < prevalence < 1 and width > 0):
        return None
    return _none_if_unlimited(
        max(_least(error, auroc, prevalence, width) for error in (hanley_mcneil, newcombe))
    )


def hanley_mcneil(auroc: float, prevalence: float, patients: float) -> float:
    """The standard error of Hanley and McNeil 1982, Radiology 143:29, of exponential scores."""
    ill, well = prevalence * patients, (1 - prevalence) * patients
    both_ill, both_well = auroc / (2 - auroc), 2 * auroc**2 / (1 + auroc)
    of_pairs = (ill - 1) * (both_ill - auroc**2) + (well - 1) * (both_well - auroc**2)
    return math.sqrt(max(auroc * (1 - auroc) + of_pairs, 0) / (ill * well))


def newcombe(auroc: float, prevalence: float, patients: float) -> float:
    """The standard error of Newcombe 2006, Statistics in Medicine 25:559, his method 4."""
    half = patients / 2 - 1
    of_pairs = 1 + half * (1 - auroc) / (2 - auroc) + half * auroc / (1 + auroc)
    variance = auroc * (1 - auroc) * of_pairs / (patients**2 * prevalence * (1 - prevalence))
    return math.sqrt(max(variance, 0))


def _least(
    error: Callable[[float, float, float], float], auroc: float, prevalence: float, width: float
) -> int:
    """The least number at which the interval is no wider."""
    reach = 2 * scipy.stats.norm.ppf((1 + LEVEL) / 2)
    low, high = 1, 2
    while high < MOST and reach * error(auroc, prevalence, high) > width:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        enough = reach * error(auroc, prevalence, middle) <= width
        low, high = (low, middle) if enough else (middle, high)
    return high


def _none_if_unlimited(patients: int) -> int | None:
    return patients if patients < MOST else None
