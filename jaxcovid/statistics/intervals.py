"""The interval of each metric, or why there is none."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int

from jaxcovid.statistics.bootstrap import (
    SAME,
    exact_interval,
    inflated_interval,
    interval,
    no_spread,
)
from jaxcovid.statistics.weighted_metrics import MEANS, Key, Values, worst_brier

# Of fewer patients of a class a bootstrap says too little of what weighs each class alike.
FEWEST_FOR_INTERVAL = 5


def intervals(
    values: Mapping[Key, Values],
    ratios: Mapping[Key, tuple[np.ndarray, np.ndarray]],
    labels: Int[np.ndarray, "n"],
    units: Int[np.ndarray, "n"],
    classes: Sequence[str],
) -> dict[Key, tuple[list[float] | None, str]]:
    """The 95 % interval of each metric that is defined, or None and why there is none.

    `values` are the metrics and their resamples as from `bootstrap`, `ratios` as from `ratios_of`.
    `labels` are numbers of `classes`, and `units` has equal numbers for examples of one patient.
    """
    results: dict[Key, tuple[list[float] | None, str]] = {}
    defined = [key for key, resampled in values.items() if np.isfinite(resampled[0])]
    for key in sorted(defined, key=len, reverse=True):  # those of classes before their means
        groups, few = groups_behind(key, ratios.get(key), labels, units, classes)
        reason = no_spread(values[key], len(np.unique(units)))
        if few and reason in (None, SAME):
            reason = few
        ends = None
        if key[0] in MEANS and reason in (None, SAME):
            of_class = [("per_class", name, MEANS[key[0]]) for name in classes]
            parts = [(values[part][0], results[part][0]) for part in of_class if part in results]
            ends = _interval_of_mean(values[key], groups, parts)
        elif reason == SAME:
            ends = _exact(key[-1], values[key][0], groups)
        elif key == ("ece",) and not reason:
            ends = inflated_interval(values[key], groups)
        elif not reason:
            bounds = {"mcc": (-1, 1), "brier": (0, worst_brier(len(classes)))}
            ends = interval(values[key], groups, *bounds.get(key[-1], (0, 1)))
        results[key] = ends and list(ends), reason or ""
    return results


def groups_behind(
    key: Key,
    ratio: tuple[np.ndarray, np.ndarray] | None,
    labels: Int[np.ndarray, "n"],
    units: Int[np.ndarray, "n"],
    classes: Sequence[str],
    fewest: int = FEWEST_FOR_INTERVAL,
) -> tuple[int, str]:
    """How many groups (patients) a metric rests on; if too few for an interval, why.

    Of a ratio (as from `ratios_of`, or None) those below the line. Of what gives classes the same
    weight those of the rarest class; of the curves of a class those of it or of all others. The
    reason is empty if they are at least `fewest`, or the metric needs none of each class.
    """
    if ratio is not None:
        units = units[ratio[1] > 0]
    if ratio is not None or key in (("ece",), ("brier",), ("weighted_f1",)):
        return len(np.unique(units)), ""
    sides = {f"of class {name}": labels == index for index, name in enumerate(classes)}
    if len(key) > 1:
        of_class = sides[f"of class {key[1]}"]
        sides = {f"of class {key[1]}": of_class, "of other classes": ~of_class}
    counts = {which: len(np.unique(units[side])) for which, side in sides.items() if side.any()}
    if not counts:
        return 0, ""
    rarest = min(counts, key=lambda which: counts[which])
    few = f"fewer than {fewest} examples or patients are {rarest}"
    return counts[rarest], few if counts[rarest] < fewest else ""


def _exact(metric: str, value: float, groups: int) -> tuple[float, float] | None:
    """The interval of what is alike in all resamples, known where it is a proportion of 0 or 1.

    For areas under curves it is conservative: that of a proportion of so many positives (or
    negatives, where these are fewer) as if each were ranked wholly right or wholly wrong.
    """
    if value not in (0, 1) or metric in ("mcc", "brier", "ece"):
        return None
    low, high = exact_interval(value, groups)
    if metric == "f1":  # 2 p / (1 + p) of the proportion p of hits among what is true or called
        return 2 * low / (1 + low), 2 * high / (1 + high)
    return low, high


def _interval_of_mean(
    values: Values, groups: int, parts: Sequence[tuple[float, Sequence[float] | None]]
) -> tuple[float, float] | None:
    """The interval of a mean over classes; `parts` are the classes' values and their intervals.

    A class whose value is 0 or 1 has the same in all resamples. How far its exact interval reaches
    is added to how far that of the bootstrap does, by squares; of several such classes the sum, as
    the areas of two classes are one area.
    """
    exact = [(value, *ends) for value, ends in parts if value in (0, 1) and ends is not None]
    low = high = value = float(values[0])
    if no_spread(values, groups) != SAME:
        low, high = interval(values, groups)
    elif not exact:
        return None
    below = sum(of_class - end for of_class, end, _ in exact) / len(parts)
    above = sum(end - of_class for of_class, _, end in exact) / len(parts)
    low, high = value - math.hypot(value - low, below), value + math.hypot(high - value, above)
    return max(0.0, low), min(1.0, high)
