"""Whether one model is better than another on the same images."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy
from jaxtyping import Bool, Float, Int

from jaxcovid.statistics.bootstrap import SAME, bootstrap, difference_interval, no_spread, p_value
from jaxcovid.statistics.intervals import groups_behind
from jaxcovid.statistics.metrics import value_or_none, why_undefined
from jaxcovid.statistics.weighted_metrics import Key, ratios_of, weighted_metrics

# Differences lean on the bootstrap alone, so they need more patients of a class than values: with 5
# of 160 the intervals of balanced accuracy covered the truth in 85 % of simulated sets only.
FEWEST_FOR_DIFFERENCE = 10

OVERALL = ("accuracy", "balanced_accuracy", "macro_f1", "mcc", "auroc", "auprc", "brier")
OF_CLASS = ("recall", "specificity", "f1", "auroc")


def compare(
    labels: Int[np.ndarray, "n"],
    one: Float[np.ndarray, "n class"],
    other: Float[np.ndarray, "n class"],
    classes: Sequence[str],
    *,
    groups: Int[np.ndarray, "n"] | None = None,
    folds: Int[np.ndarray, "n"] | None = None,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, Any]:
    """McNemar's exact test, and differences (other minus one) with 95 % intervals; ready for JSON.

    `one` and `other` are two models' probabilities for the same examples. McNemar's test takes
    images as independent. With several images of a patient read the differences: their bootstrap is
    paired and, with `groups` (equal numbers for images of one patient), draws patients. `folds`
    is as in `measure`. What is None has its reason under "undefined".

    >>> labels = numpy.arange(40) % 2
    >>> one = numpy.full((40, 2), 0.5, numpy.float32)
    >>> other = 0.2 + 0.6 * numpy.eye(2, dtype=numpy.float32)[labels]
    >>> compared = jaxcovid.compare(labels, one, other, ("normal", "covid"))
    >>> compared["differences"]["accuracy"]["difference"]
    0.5
    >>> compared["mcnemar"]["only_second_correct"]
    20
    """
    units = np.arange(len(labels)) if groups is None else groups
    first = weighted_metrics(labels, one, classes, {}, folds)
    second = weighted_metrics(labels, other, classes, {}, folds)
    keys = _compared(classes)

    def statistics(
        weights: Float[np.ndarray, "resample n"],
    ) -> Mapping[tuple[str, int], Float[np.ndarray, "resample"]]:
        sides = first(weights), second(weights)
        return {(name, side): sides[side][key] for name, key in keys.items() for side in (0, 1)}

    values = bootstrap(statistics, units, resamples, seed)
    ratios = ratios_of(labels, one, classes, {})
    mcnemar, undefined = _mcnemar(one.argmax(1) == labels, other.argmax(1) == labels)
    differences = {}
    for name, key in keys.items():
        pair = values[name, 0], values[name, 1]
        # What is below the line of F1 differs between the two.
        ratio = None if key[-1] == "f1" else ratios.get(key)
        behind = groups_behind(key, ratio, labels, units, classes, FEWEST_FOR_DIFFERENCE)
        differences[name], reason = _difference(key, *pair, units, *behind)
        undefined |= {
            f"differences.{name}.{part}": reason
            for part, value in differences[name].items()
            if value is None
        }
    return {
        "examples": len(labels),
        "patients": None if groups is None else len(np.unique(groups)),
        "mcnemar": mcnemar,
        "differences": differences,
        "undefined": undefined,
    }


def _compared(classes: Sequence[str]) -> dict[str, Key]:
    """Where each metric that is compared lies, by its name in words."""
    overall: dict[str, Key] = {metric: (metric,) for metric in OVERALL}
    return overall | {
        f"{metric} of {name}": ("per_class", name, metric)
        for name in classes
        for metric in OF_CLASS
    }


def _mcnemar(
    one: Bool[np.ndarray, "n"], other: Bool[np.ndarray, "n"]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Exact, from where each is correct."""
    first, second = int(np.sum(one & ~other)), int(np.sum(other & ~one))
    counts = {"only_first_correct": first, "only_second_correct": second}
    if first + second == 0:
        reason = "both are correct on the same images"
        return {**counts, "p_value": None}, {"mcnemar.p_value": reason}
    return {**counts, "p_value": float(scipy.stats.binomtest(first, first + second).pvalue)}, {}


def _difference(
    key: Key,
    first: Float[np.ndarray, "_"],
    second: Float[np.ndarray, "_"],
    units: Int[np.ndarray, "n"],
    groups: int,
    few: str,
) -> tuple[dict[str, Any], str]:
    """A metric of both, and why what is None is undefined."""
    values = second - first
    result = {
        "first": value_or_none(first[0]),
        "second": value_or_none(second[0]),
        "difference": value_or_none(values[0]),
        "interval": None,
        "p_value": None,
    }
    if np.isnan(values[0]):
        return result, why_undefined(key, len(units))
    reason = no_spread(values, len(np.unique(units)))
    if few and reason in (None, SAME):
        reason = few
    if reason:
        return result, reason
    ends = list(difference_interval(values, groups))
    return {**result, "interval": ends, "p_value": p_value(values, groups)}, ""
