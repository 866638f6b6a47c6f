"""Metrics where an image may have several findings: every output by itself."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from jaxcovid.statistics.bootstrap import bootstrap, interval, no_spread
from jaxcovid.statistics.metrics import measure, operating_points, value_or_none
from jaxcovid.statistics.weighted_metrics import (
    SPECIFICITIES,
    Thresholds,
    Values,
    Weights,
    curves_of,
)

OF_FINDING = ("precision", "recall", "specificity", "npv", "f1", "auroc", "auprc")

# The same at the thresholds that reach a specificity on validation images.
AT_SPECIFICITY = tuple(
    f"{figure}_at_{point}" for point in SPECIFICITIES for figure in ("sensitivity", "specificity")
)

# Means over findings.
MEANS = ("auroc", "auprc")

_ABSENT_PRESENT = ("absent", "present")


def measure_several(
    targets: Float[np.ndarray, "n finding"],
    probabilities: Float[np.ndarray, "n finding"],
    names: Sequence[str],
    *,
    groups: Int[np.ndarray, "n"] | None = None,
    thresholds: Thresholds | None = None,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, Any]:
    """What `measure_findings` gives, and the means of AUROC and AUPRC over findings.

    `targets` are NaN where it is unknown whether an image has a finding: what is said of a finding
    is said of the images where it is known. `thresholds` are `finding_points` of a validation
    split; `seed` and `resamples` are the bootstrap's. A mean is that of the findings for which the
    figure is defined.
    """
    units = np.arange(len(targets)) if groups is None else groups
    known = ~np.isnan(targets)
    areas = [
        curves_of(target == 1, column)
        for target, column in zip(targets.T, probabilities.T, strict=True)
    ]

    def means(weights: Weights) -> dict[str, Values]:
        of_findings = np.array(
            [area(weights * is_known) for area, is_known in zip(areas, known.T, strict=True)]
        )
        defined = np.isfinite(of_findings)
        totals = np.where(defined, of_findings, 0).sum(0)
        counts = defined.sum(0)
        average = np.divide(totals, counts, out=np.full(totals.shape, np.nan), where=counts > 0)
        return dict(zip(MEANS, average, strict=True))

    measured = measure_findings(targets, probabilities, names, groups=groups, thresholds=thresholds)
    number = len(np.unique(units))
    for name, values in bootstrap(means, units, resamples, seed).items():
        measured[name] = value_or_none(values[0])
        is_sure = (
            not np.isnan(values[0]) and 0 < values[0] < 1 and no_spread(values, number) is None
        )
        measured["intervals"][name] = list(interval(values, number)) if is_sure else None
        if measured[name] is None:
            measured["undefined"][name] = "undefined for every finding"
    return {
        "examples": len(targets),
        "patients": None if groups is None else number,
        **measured,
    }


def measure_findings(
    targets: Float[np.ndarray, "n output"],
    probabilities: Float[np.ndarray, "n output"],
    names: Sequence[str],
    *,
    groups: Int[np.ndarray, "n"] | None = None,
    thresholds: Thresholds | None = None,
) -> dict[str, Any]:
    """Metrics of every output by itself, and how often all of an image are right; ready for JSON.

    `targets` are 1 where an image has a finding, 0 where not, NaN where that is unknown. A finding
    is predicted if its probability is above one half. `names` are the findings'; `groups` has equal
    numbers for images of one patient; with `thresholds` (`finding_points`) there is sensitivity at
    them, too. All with 95 % intervals; what is None has its reason under "undefined".
    """
    known = ~np.isnan(targets)
    keys = OF_FINDING if thresholds is None else (*OF_FINDING, *AT_SPECIFICITY)
    alone = {}
    for column, name in enumerate(names):
        rows = known[:, column]
        points = None if thresholds is None else {"present": thresholds.get(name, {})}
        alone[name] = measure(
            targets[rows, column].astype(np.int32),
            _of_both(probabilities[rows, column]),
            _ABSENT_PRESENT,
            groups=None if groups is None else groups[rows],
            thresholds=points,
        )
    match = _exact_match(targets, probabilities, groups)
    present = {name: result["per_class"]["present"] for name, result in alone.items()}
    intervals = {
        name: result["intervals"]["per_class"]["present"] for name, result in alone.items()
    }

    def chosen(
        tree: Mapping[str, Mapping[str, Any]], keys: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        return {name: {key: branch[key] for key in keys} for name, branch in tree.items()}

    per_finding = chosen(present, ("support", *keys))
    for name, result in alone.items():
        per_finding[name]["known"] = result["examples"]
    return {
        "exact_match": match["accuracy"],
        "per_finding": per_finding,
        "intervals": {
            "exact_match": match["intervals"]["accuracy"],
            "per_finding": chosen(intervals, keys),
        },
        "undefined": {
            f"per_finding.{name}.{key}": result["undefined"][f"per_class.present.{key}"]
            for name, result in alone.items()
            for key in keys
            if present[name][key] is None
        },
    }


def finding_points(
    targets: Float[np.ndarray, "n finding"],
    probabilities: Float[np.ndarray, "n finding"],
    names: Sequence[str],
) -> dict[str, dict[str, float | None]]:
    """The `operating_points` of every finding, chosen by the images where it is known."""
    points = {}
    for name, target, column in zip(names, targets.T, probabilities.T, strict=True):
        known = ~np.isnan(target)
        labels = target[known].astype(np.int32)
        points[name] = operating_points(labels, _of_both(column[known]), _ABSENT_PRESENT)["present"]
    return points


def _of_both(probabilities: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n 2"]:
    return np.stack([1 - probabilities, probabilities], 1)


def _exact_match(
    targets: Float[np.ndarray, "n output"],
    probabilities: Float[np.ndarray, "n output"],
    groups: Int[np.ndarray, "n"] | None,
) -> dict[str, Any]:
    """How many of the images of which all is known are told right in all, as an accuracy."""
    rows = ~np.isnan(targets).any(1)
    exact = ((probabilities[rows] > 0.5) == targets[rows]).all(1).astype(np.int32)
    right = np.stack([np.zeros(len(exact)), np.ones(len(exact))], 1).astype(np.float32)
    of_rows = None if groups is None else groups[rows]
    return measure(exact, right, ("wrong", "right"), groups=of_rows)
