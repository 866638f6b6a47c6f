"""Estimates in words."""

from collections.abc import Callable

from jaxcovid.statistics.seed_statistics import Estimate

# Of an interval whose ends are written alike.
ALIKE = "alike to the digits shown"


def interval_words(estimate: Estimate, form: Callable[[float], str]) -> str:
    """The 95 % interval such as "0.87 to 0.96", or why there is none.

    `form` writes a number; an interval whose ends it writes alike is none that a reader could use.
    """
    if estimate.low is None or estimate.high is None:
        return estimate.reason
    low, high = form(estimate.low), form(estimate.high)
    return ALIKE if low == high else f"{low} to {high}"
