"""How good predictions are, and how sure that is; an undefined value is None, never 0.

Values and resamples come from `weighted_metrics`, intervals from `intervals`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from jaxcovid.operating_point import OperatingPoint
from jaxcovid.statistics.bootstrap import bootstrap
from jaxcovid.statistics.intervals import intervals
from jaxcovid.statistics.weighted_metrics import (
    SPECIFICITIES,
    Key,
    Limits,
    points_of_class,
    ratios_of,
    weighted_metrics,
)

UNDEFINED = {
    "precision": "the class is never predicted",
    "recall": "no example is of this class",
    "specificity": "all examples are of this class",
    "npv": "all examples are predicted as this class",
    "f1": "the class neither occurs nor is predicted",
    "auroc": "it needs examples of this class and of others",
    "auprc": "it needs examples of this class and of others",
    "mcc": "all examples are of one class or predicted as one",
    "sensitivity": "no example is of this class",
}


def measure(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    classes: Sequence[str],
    *,
    groups: Int[np.ndarray, "n"] | None = None,
    thresholds: Limits | None = None,
    folds: Int[np.ndarray, "n"] | None = None,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, Any]:
    """All metrics with 95 % intervals, and why what is None is undefined; ready for JSON.

    `labels` are numbers of `classes`. `groups` says which patient each image is of: the intervals
    then allow for images of a patient being alike. `thresholds` are `operating_points` of a
    validation split. `folds` says which network each image was predicted by. `seed` and
    `resamples` are the bootstrap's.

    >>> labels = numpy.array([0, 0, 0, 1, 1, 1, 1, 1])
    >>> covid = numpy.array([0.1, 0.2, 0.6, 0.4, 0.7, 0.8, 0.9, 0.9], numpy.float32)
    >>> probabilities = numpy.stack([1 - covid, covid], axis=1)
    >>> metrics = jaxcovid.measure(labels, probabilities, ("normal", "covid"))
    >>> metrics["accuracy"], metrics["confusion_matrix"]
    (0.75, [[2, 1], [1, 4]])
    >>> [round(end, 2) for end in metrics["intervals"]["accuracy"]]
    [0.41, 0.93]
    """
    units = np.arange(len(labels)) if groups is None else groups
    ratios = ratios_of(labels, probabilities, classes, thresholds or {})
    statistics = weighted_metrics(labels, probabilities, classes, thresholds or {}, folds)
    values = bootstrap(statistics, units, resamples, seed)
    interval_of = intervals(values, ratios, labels, units, classes)
    missed = np.setdiff1d(labels, probabilities.argmax(1))
    never_predicted = classes[int(missed[0])] if len(missed) else ""
    # A value, and what to say where it is None.
    results: dict[Key, tuple[Any, str]] = {}
    for key, resampled in values.items():
        reason = why_undefined(key, len(labels), thresholds, never_predicted)
        results[key] = value_or_none(resampled[0]), reason
        results["intervals", *key] = (None, reason) if np.isnan(resampled[0]) else interval_of[key]
    for index, name in enumerate(classes):
        results["per_class", name, "support"] = int(np.sum(labels == index)), ""
        for point in points_of_class(thresholds or {}, name):
            threshold = (thresholds or {}).get(name, {}).get(point)
            several = "each fold has its own" if isinstance(threshold, np.ndarray) else ""
            results["per_class", name, f"threshold_{point}"] = (
                None if several else threshold, several or _no_threshold(thresholds)
            )  # fmt: skip
    return {
        "examples": len(labels),
        "patients": None if groups is None else len(np.unique(groups)),
        **_nested({key: value for key, (value, _) in results.items()}),
        "confusion_matrix": _confusion(labels, probabilities),
        "undefined": {
            ".".join(key): reason for key, (value, reason) in results.items() if value is None
        },
    }


def operating_points(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    classes: Sequence[str],
    further: Sequence[OperatingPoint] = (),
) -> dict[str, dict[str, float | None]]:
    """For each class and specificity the lowest score t such that "t or more" reaches it.

    By class, then by the names in SPECIFICITIES. Of the thresholds with that specificity it has the
    highest sensitivity. None if there is none, or there are no examples of the class or of others
    to choose it by. Of `further` points those of a sensitivity have the highest score that reaches
    it; they are called by their `key`.
    """
    asked = {name: [point for point in further if point.name == name] for name in classes}
    points: dict[str, dict[str, float | None]] = {}
    for index, name in enumerate(classes):
        scores = np.unique(probabilities[:, index]).astype(np.float64)
        positive = labels == index
        negatives = np.sort(probabilities[~positive, index])
        specificity = np.zeros(len(scores))
        if positive.any() and len(negatives):
            specificity = np.searchsorted(negatives, scores) / len(negatives)
        sensitivity = np.zeros(len(scores))
        if positive.any() and len(negatives):
            below = np.searchsorted(np.sort(probabilities[positive, index]), scores)
            sensitivity = 1 - below / positive.sum()
        points[name] = {
            point: next(iter(scores[specificity >= least].tolist()), None)
            for point, least in SPECIFICITIES.items()
        }
        for point in asked[name]:
            if point.figure == "specificity":
                reached = scores[specificity >= point.least]
            else:
                reached = scores[sensitivity >= point.least - 1e-9][::-1]
            points[name][point.key] = next(iter(reached.tolist()), None)
    return points


def why_undefined(
    key: Key, examples: int, thresholds: Limits | None = None, never_predicted: str = ""
) -> str:
    """Why a metric is undefined, in plain words.

    `key` is its place in the result, `examples` the number measured, `thresholds` those given to
    `measure`, and `never_predicted` a class that occurs and is not predicted.
    """
    if examples == 0:
        return "no examples"
    if key == ("macro_precision",):
        return f"undefined for class {never_predicted}, which is never predicted"
    figure, at, point = key[-1].partition("_at_")
    if at and (thresholds or {}).get(key[1], {}).get(point) is None:
        return _no_threshold(thresholds)
    mean = len(key) == 1 and key != ("mcc",)
    return "undefined for every class" if mean else UNDEFINED[figure]


def value_or_none(value: float) -> float | None:
    """The number, or None for NaN, which JSON does not have."""
    return None if math.isnan(value) else float(value)


def _no_threshold(thresholds: Limits | None) -> str:
    if thresholds is None:
        return "no threshold was chosen on a validation split"
    return "the validation split has no threshold that reaches it"


def _nested(flat: Mapping[Key, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        branch = tree
        for part in key[:-1]:
            branch = branch.setdefault(part, {})
        branch[key[-1]] = value
    return tree


def _confusion(
    labels: Int[np.ndarray, "n"], probabilities: Float[np.ndarray, "n class"]
) -> list[list[int]]:
    """Counts; rows are true classes, columns predicted ones. scikit-learn's refuses no examples."""
    classes = probabilities.shape[1]
    cells = labels * classes + probabilities.argmax(1)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes).tolist()
