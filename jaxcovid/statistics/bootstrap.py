"""How sure a figure is: the bootstrap over patients, by weights of examples.

The bootstrap gives standard errors; intervals are made of these, not of percentiles. How often
those of `metrics` hold the truth is said in `intervals`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import numpy as np
import scipy
from jaxtyping import Float, Int

LEVEL = 0.95
# Elements of a chunk of weights: 4 MB, so that it stays in a processor's cache.
CHUNK = 2**19

SAME = "every resample gives the same value"

Name = TypeVar("Name")


def bootstrap(
    statistics: Callable[
        [Float[np.ndarray, "resample n"]], Mapping[Name, Float[np.ndarray, "resample"]]
    ],
    groups: Int[np.ndarray, "n"],
    resamples: int,
    seed: int,
) -> dict[Name, Float[np.ndarray, "_"]]:
    """The value of each statistic for all examples, followed by its values for the resamples.

    `statistics` computes them from rows of example weights, one row for each resample. `groups`
    holds equal numbers for examples that are drawn together. Of fewer than two groups there are no
    resamples, so only the value.
    """
    parts = [statistics(np.ones((1, len(groups))))]
    parts += [statistics(weights) for weights in resample_weights(groups, resamples, seed)]
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def resample_weights(
    groups: Int[np.ndarray, "n"], resamples: int, seed: int, elements: int = CHUNK
) -> Iterator[Float[np.ndarray, "resample n"]]:
    """How often each example is drawn if whole groups are, with replacement.

    This is the cluster bootstrap; scipy's draws examples. The rows, one for each resample, come in
    chunks of about so many elements; what they hold does not depend on that. Nothing for fewer than
    two groups.
    """
    ids, members = np.unique(groups, return_inverse=True)
    if len(ids) < 2:
        return
    rng = np.random.default_rng(seed)
    rows = max(1, elements // len(groups))
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        drawn = rng.multinomial(len(ids), np.full(len(ids), 1 / len(ids)), size)
        yield drawn[:, members].astype(np.float64)


def interval(
    values: Float[np.ndarray, "_"], groups: int, low: float = 0, high: float = 1
) -> tuple[float, float]:
    """95 % interval of a statistic that lies between low and high: symmetric in its logit.

    `values` are the statistic and its resamples as from `bootstrap`, and have passed `no_spread`.
    `groups` is the number of groups that enter the value, at least two; Student's t has one degree
    of freedom less.
    """
    share = (values[0] - low) / (high - low)
    error = standard_error(values, groups) / (high - low) / (share * (1 - share))
    reach = error * scipy.stats.t.ppf((1 + LEVEL) / 2, groups - 1)
    ends = scipy.special.expit(scipy.special.logit(share) + np.array([-reach, reach]))
    return float(low + ends[0] * (high - low)), float(low + ends[1] * (high - low))


def inflated_interval(values: Float[np.ndarray, "_"], groups: int) -> tuple[float, float]:
    """95 % interval of a share that few examples make too large, such as the calibration error.

    `values` are the share and its resamples as from `bootstrap`, and have passed `no_spread`;
    `groups` is the number of groups. Resamples are still more inflated, which tells by how much:
    the interval reaches down by twice that more than up; percentiles would seldom hold the truth.
    """
    error = standard_error(values, groups)
    inflation = float(np.nanmean(values[1:]) - values[0])
    quantile = scipy.stats.t.ppf((1 + LEVEL) / 2, groups - 1)
    low = values[0] - 2 * inflation - quantile * np.hypot(error, inflation)
    return max(0.0, float(low)), min(1.0, float(values[0] + quantile * error))


def difference_interval(values: Float[np.ndarray, "_"], groups: int) -> tuple[float, float]:
    """95 % interval of a difference by Student's t.

    `values` are the difference and its resamples as from `bootstrap`, and have passed `no_spread`;
    `groups` is the number of groups that enter it, at least two.
    """
    reach = standard_error(values, groups) * scipy.stats.t.ppf((1 + LEVEL) / 2, groups - 1)
    return float(values[0] - reach), float(values[0] + reach)


def p_value(values: Float[np.ndarray, "_"], groups: int) -> float:
    """The two-sided p-value of Student's test that a difference is 0.

    It is below 0.05 where `difference_interval` of the same values leaves out 0. `values` are the
    difference and its resamples as from `bootstrap`, and have passed `no_spread`; `groups` is the
    number of groups that enter it, at least two.
    """
    return float(2 * scipy.stats.t.sf(abs(values[0]) / standard_error(values, groups), groups - 1))


def standard_error(values: Float[np.ndarray, "_"], groups: int) -> float:
    """The standard error of a statistic from its value and resamples as from `bootstrap`.

    The standard deviation over the resamples that are defined, corrected for the number of groups:
    they draw from a sample and thus vary too little.
    """
    return float(np.nanstd(values[1:]) * np.sqrt(groups / (groups - 1)))


def no_spread(values: Float[np.ndarray, "_"], groups: int) -> str | None:
    """Why the resamples tell nothing of how sure a value is; None if they do.

    `values` are the value and its resamples as from `bootstrap`, `groups` is the number of groups
    that were drawn from.
    """
    if groups < 2:
        return "one example or one patient says nothing of others"
    defined = values[1:][np.isfinite(values[1:])]
    if 2 * len(defined) <= len(values) - 1:
        return "undefined in at least half of the resamples"
    # Rounding may differ between resamples.
    return SAME if np.ptp(defined) < 1e-12 else None
