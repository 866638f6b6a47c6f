"""How sure a figure is, when some seeds trained and some images were tested."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Bool, Float

from jaxcovid.statistics.bootstrap import LEVEL


class Estimate(NamedTuple):
    """A value and its 95 % interval; low and high are None where none is to be had.

    `reason` says in a few words why there is none.
    """

    value: float
    low: float | None = None
    high: float | None = None
    reason: str = ""

    @property
    def above(self) -> bool:
        """Whether the whole interval is above 0; False without one."""
        return self.low is not None and self.low > 0

    @property
    def below(self) -> bool:
        """Whether the whole interval is below 0; False without one."""
        return self.high is not None and self.high < 0


# For each seed, which images are right, or what each contributes to another figure whose mean over
# images is that; all in the same order.
BySeed = Mapping[int, Bool[np.ndarray, "n"] | Float[np.ndarray, "n"]]


def over_seeds(values: Sequence[float], highest: float = 1) -> Estimate:
    """The mean of figures from 0 to `highest`, one for each seed, with Student's 95 % interval.

    The interval is cut at these ends. There is none of a single seed, of seeds that are all alike
    (which would make it a point), and of a few so different that it would leave nothing out.
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return Estimate(mean, reason="one seed")
    if np.ptp(values) == 0:
        return Estimate(float(values[0]), reason="all seeds alike")
    reach = _reach(np.array(values))
    if mean - reach <= 0 and mean + reach >= highest:
        return Estimate(mean, reason="seeds too far apart")
    return Estimate(mean, max(0.0, mean - reach), min(highest, mean + reach))


def difference(weighted: Sequence[tuple[float, BySeed]]) -> Estimate | None:
    """A sum of figures with these weights, such as 1 and -1, over the seeds that all have.

    None if there is no such seed. The 95 % interval takes in both what other seeds and what other
    images might give: Student's over seeds and over images, paired, added by squares. Images count
    as independent. With one seed it is that over images alone.
    """
    seeds = set.intersection(*(set(by_seed) for _, by_seed in weighted))
    if not seeds:
        return None
    table: Float[np.ndarray, "seed image"] = np.stack(
        [sum(weight * by_seed[seed] for weight, by_seed in weighted) for seed in sorted(seeds)]
    )
    value = float(table.mean())
    reach = math.hypot(_reach(table.mean(1)), _reach(table.mean(0)))
    return Estimate(value, value - reach, value + reach)


def proportion(right: int, total: int) -> Estimate:
    """The share of `right` in `total` images, with Wilson's 95 % interval."""
    ends = scipy.stats.binomtest(right, total).proportion_ci(LEVEL, method="wilson")
    return Estimate(right / total, float(ends.low), float(ends.high))


def overlap(one: Sequence[float] | None, other: Sequence[float] | None) -> bool | None:
    """Whether two intervals (low, high) have something in common; None if one is missing."""
    if one is None or other is None:
        return None
    return max(one[0], other[0]) <= min(one[1], other[1])


def _reach(values: Float[np.ndarray, "_"]) -> float:
    """How far Student's interval reaches to either side of the mean; 0 for a single value."""
    if len(values) < 2:
        return 0.0
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return float(scipy.stats.t.ppf((1 + LEVEL) / 2, len(values) - 1)) * error
