"""How good predictions are, and how sure that is; an undefined value is None, never 0.

A metric has one definition: a function of the weights of the examples, vectorised over rows of
weights. The row of ones gives its value, other rows its bootstrap. scikit-learn's functions, called
for one resample at a time, would take a minute where this takes a second; the tests hold the two
equal.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxcovid.resampling import (
    SAME,
    bootstrap,
    exact_interval,
    inflated_interval,
    interval,
    no_spread,
)

# Where a metric lies in the result, such as ("per_class", "normal", "recall").
Key = tuple[str, ...]
Values = Float[np.ndarray, "resample"]
Weights = Float[np.ndarray, "resample n"]
Thresholds = Mapping[str, Mapping[str, float | None]]

SPECIFICITIES = {"90": 0.90, "95": 0.95}
BINS = 15
# Of fewer patients of a class a bootstrap says too little of what weighs each class alike.
FEWEST = 5

# Means over the classes where the metric is defined, and of what.
MEANS = {
    "balanced_accuracy": "recall",
    "macro_precision": "precision",
    "macro_recall": "recall",
    "macro_specificity": "specificity",
    "macro_f1": "f1",
    "auroc": "auroc",
    "auprc": "auprc",
}

UNDEFINED = {
    "precision": "the class is never predicted",
    "recall": "no example is of this class",
    "specificity": "all examples are of this class",
    "npv": "all examples are predicted as this class",
    "f1": "the class neither occurs nor is predicted",
    "auroc": "it needs examples of this class and of others",
    "auprc": "it needs examples of this class and of others",
    "mcc": "all examples are of one class or predicted as one",
    **{f"sensitivity_at_{name}": "no example is of this class" for name in SPECIFICITIES},
    **{f"specificity_at_{name}": "all examples are of this class" for name in SPECIFICITIES},
}


def measure(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    classes: Sequence[str],
    *,
    groups: Int[np.ndarray, "n"] | None = None,
    thresholds: Thresholds | None = None,
    seed: int = 0,
    resamples: int = 1000,
) -> dict[str, Any]:
    """All metrics with 95 % intervals, and why what is None is undefined; ready for JSON.

    `groups` says which patient each image is of: the intervals then allow for images of a patient
    being alike. `thresholds` are `operating_points` of a validation split.
    """
    units = np.arange(len(labels)) if groups is None else groups
    ratios = ratios_of(labels, probabilities, classes, thresholds or {})
    statistics = weighted_metrics(labels, probabilities, classes, thresholds or {})
    values = bootstrap(statistics, units, resamples, seed)
    intervals = _intervals(values, ratios, labels, units, classes)
    missed = np.setdiff1d(labels, probabilities.argmax(1))
    never_predicted = classes[int(missed[0])] if len(missed) else ""
    # A value, and what to say where it is None.
    told: dict[Key, tuple[Any, str]] = {}
    for key, each in values.items():
        reason = why_undefined(key, len(labels), thresholds, never_predicted)
        told[key] = value_or_none(each[0]), reason
        told["intervals", *key] = (None, reason) if np.isnan(each[0]) else intervals[key]
    for index, name in enumerate(classes):
        told["per_class", name, "support"] = int(np.sum(labels == index)), ""
        for point in SPECIFICITIES:
            threshold = (thresholds or {}).get(name, {}).get(point)
            told["per_class", name, f"threshold_{point}"] = threshold, _no_threshold(thresholds)
    return {
        "examples": len(labels),
        "patients": None if groups is None else len(np.unique(groups)),
        **_nested({key: value for key, (value, _) in told.items()}),
        "confusion_matrix": _confusion(labels, probabilities),
        "undefined": {".".join(key): why for key, (value, why) in told.items() if value is None},
    }


def weighted_metrics(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    classes: Sequence[str],
    thresholds: Thresholds,
) -> Callable[[Weights], dict[Key, Values]]:
    """The metrics as a function of rows of example weights; NaN where undefined."""
    probabilities = probabilities.astype(np.float64)
    ratios = ratios_of(labels, probabilities, classes, thresholds)
    numerators, denominators = (
        np.stack([ratio[side] for ratio in ratios.values()], 1).astype(np.float64)
        for side in (0, 1)
    )
    truth = labels[:, None] == np.arange(len(classes))
    predicted = probabilities.argmax(1)[:, None] == np.arange(len(classes))
    calibration = _calibration_terms(probabilities, truth)
    squares = ((probabilities - truth) ** 2).sum(1) * _worst_brier(len(classes)) / 2
    curves = [_curves(*column) for column in zip(truth.T, probabilities.T, strict=True)]

    def values(weights: Weights) -> dict[Key, Values]:
        total = weights.sum(1)
        quotients = _divide(weights @ numerators, weights @ denominators).T
        found = dict(zip(ratios, quotients, strict=True))
        for name, areas in zip(classes, curves, strict=True):
            found["per_class", name, "auroc"], found["per_class", name, "auprc"] = areas(weights)

        means: dict[Key, Values] = {
            (mean,): _mean_of_defined([found["per_class", name, metric] for name in classes])
            for mean, metric in MEANS.items()
        }
        # Without a class that is never predicted the mean would flatter.
        missed = ((weights @ truth > 0) & (weights @ predicted == 0)).any(1)
        means["macro_precision",][missed] = np.nan
        return {
            ("accuracy",): found.pop(("accuracy",)),
            **means,
            ("mcc",): _matthews(weights, truth, predicted),
            ("ece",): _divide(np.abs(weights @ calibration).sum(1), total),
            ("brier",): _divide(weights @ squares, total),
            **found,
        }

    return values


def operating_points(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    classes: Sequence[str],
) -> dict[str, dict[str, float | None]]:
    """Per class the lowest score t such that "t or more" has at least that specificity.

    Of the thresholds with that specificity it has the highest sensitivity. None if there is none,
    or there are no examples of the class or of others to choose it by.
    """
    points: dict[str, dict[str, float | None]] = {}
    for index, name in enumerate(classes):
        scores = np.unique(probabilities[:, index]).astype(np.float64)
        positive = labels == index
        negatives = np.sort(probabilities[~positive, index])
        specificity = np.zeros(len(scores))
        if positive.any() and len(negatives):
            specificity = np.searchsorted(negatives, scores) / len(negatives)
        points[name] = {
            point: next(iter(scores[specificity >= least].tolist()), None)
            for point, least in SPECIFICITIES.items()
        }
    return points


def ratios_of(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    classes: Sequence[str],
    thresholds: Thresholds,
) -> dict[Key, tuple[np.ndarray, np.ndarray]]:
    """Metrics that are a ratio of sums over examples: what each adds above and below the line."""
    predictions = probabilities.argmax(1)
    probabilities = probabilities.astype(np.float64)  # as thresholds are
    ratios: dict[Key, tuple[np.ndarray, np.ndarray]] = {
        ("accuracy",): (labels == predictions, np.ones(len(labels), bool))
    }
    for index, name in enumerate(classes):
        true, called = labels == index, predictions == index
        own = {
            "precision": (true & called, called),
            "recall": (true & called, true),
            "specificity": (~true & ~called, ~true),
            "npv": (~true & ~called, ~called),
            "f1": (2 * (true & called), true.astype(int) + called),
        }
        for point in SPECIFICITIES:
            threshold = thresholds.get(name, {}).get(point)
            # Without a threshold the ratios are 0 / 0.
            known = np.full(len(labels), threshold is not None)
            called = known & (probabilities[:, index] >= (threshold or 0))
            own[f"sensitivity_at_{point}"] = (true & called, true & known)
            own[f"specificity_at_{point}"] = (~true & ~called & known, ~true & known)
        ratios |= {("per_class", name, metric): ratio for metric, ratio in own.items()}
    return ratios


def _curves(
    positive: Bool[np.ndarray, "n"], scores: Float[np.ndarray, "n"]
) -> Callable[[Weights], tuple[Values, Values]]:
    """The area under the ROC curve and average precision, equal scores being one threshold."""
    order = np.argsort(-scores, kind="stable")
    last_of_score = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    last_of_score = last_of_score[last_of_score >= 0]

    def values(weights: Weights) -> tuple[Values, Values]:
        ranked = weights[:, order]
        hits = np.cumsum(ranked * positive[order], 1)[:, last_of_score]
        alarms = np.cumsum(ranked * ~positive[order], 1)[:, last_of_score]
        positives, negatives = weights @ positive, weights @ ~positive
        more_hits = np.diff(hits, axis=1, prepend=0)
        more_alarms = np.diff(alarms, axis=1, prepend=0)
        area = np.sum(more_alarms * (hits - more_hits / 2), 1)
        # Nothing is drawn before the first hit or alarm; that 0 / 0 adds nothing.
        precision = hits / np.maximum(hits + alarms, np.finfo(np.float64).tiny)
        return (
            _divide(area, positives * negatives),
            _divide(np.sum(more_hits * precision, 1), positives * (negatives > 0)),
        )

    return values


def _worst_brier(classes: int) -> int:
    """The highest Brier score; scikit-learn halves it for two classes."""
    return 1 if classes < 3 else 2


def _calibration_terms(
    probabilities: Float[np.ndarray, "n class"], truth: Bool[np.ndarray, "n class"]
) -> Float[np.ndarray, "n bin"]:
    """Correct (0 or 1) minus confidence of each example, in the bin of its confidence."""
    confidence, prediction = probabilities.max(1), probabilities.argmax(1)
    correct = np.take_along_axis(truth, prediction[:, None], 1)[:, 0]
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return (correct - confidence)[:, None] * (bins[:, None] == np.arange(BINS))


def _matthews(
    weights: Weights, truth: Bool[np.ndarray, "n class"], predicted: Bool[np.ndarray, "n class"]
) -> Values:
    """Matthews' correlation for several classes (Gorodkin 2004)."""
    of, called = weights @ truth, weights @ predicted
    total = of.sum(1)
    covariance = weights @ (truth & predicted).any(1) * total - np.sum(of * called, 1)
    spread_of, spread_called = (total**2 - np.sum(each**2, 1) for each in (of, called))
    return _divide(covariance, np.sqrt(spread_of) * np.sqrt(spread_called))


def why_undefined(
    key: Key, examples: int, thresholds: Thresholds | None = None, never_predicted: str = ""
) -> str:
    """In plain words, for a metric that is undefined; `never_predicted` is a class that occurs."""
    if examples == 0:
        return "no examples"
    if key == ("macro_precision",):
        return f"undefined for class {never_predicted}, which is never predicted"
    _, at, point = key[-1].partition("_at_")
    if at and (thresholds or {}).get(key[1], {}).get(point) is None:
        return _no_threshold(thresholds)
    mean = len(key) == 1 and key != ("mcc",)
    return "undefined for every class" if mean else UNDEFINED[key[-1]]


def value_or_none(value: float) -> float | None:
    """For JSON."""
    return None if math.isnan(value) else float(value)


def groups_behind(
    key: Key,
    ratio: tuple[np.ndarray, np.ndarray] | None,
    labels: Int[np.ndarray, "n"],
    units: Int[np.ndarray, "n"],
    classes: Sequence[str],
    fewest: int = FEWEST,
) -> tuple[int, str]:
    """How many groups (patients) a metric rests on; if too few for an interval, why.

    Of a ratio those below the line. Of what gives classes the same weight those of the rarest
    class; of the curves of a class those of it or of all others.
    """
    if ratio is not None:
        units = units[ratio[1] > 0]
    if ratio is not None or key in (("ece",), ("brier",)):
        return len(np.unique(units)), ""
    sides = {f"of class {name}": labels == index for index, name in enumerate(classes)}
    if len(key) > 1:
        own = f"of class {key[1]}"
        sides = {own: sides[own], "of other classes": ~sides[own]}
    counts = {which: len(np.unique(units[side])) for which, side in sides.items() if side.any()}
    if not counts:
        return 0, ""
    rarest = min(counts, key=lambda which: counts[which])
    few = f"fewer than {fewest} examples or patients are {rarest}"
    return counts[rarest], few if counts[rarest] < fewest else ""


def _intervals(
    values: Mapping[Key, Values],
    ratios: Mapping[Key, tuple[np.ndarray, np.ndarray]],
    labels: Int[np.ndarray, "n"],
    units: Int[np.ndarray, "n"],
    classes: Sequence[str],
) -> dict[Key, tuple[list[float] | None, str]]:
    """The interval of each defined metric from its value and resamples, or None and why."""
    found: dict[Key, tuple[list[float] | None, str]] = {}
    defined = [key for key, each in values.items() if np.isfinite(each[0])]
    for key in sorted(defined, key=len, reverse=True):  # those of classes before their means
        groups, few = groups_behind(key, ratios.get(key), labels, units, classes)
        reason = no_spread(values[key], len(np.unique(units)))
        if few and reason in (None, SAME):
            reason = few
        ends = None
        if key[0] in MEANS and reason in (None, SAME):
            of_class = [("per_class", name, MEANS[key[0]]) for name in classes]
            parts = [(values[each][0], found[each][0]) for each in of_class if each in found]
            ends = _interval_of_mean(values[key], groups, parts)
        elif reason == SAME:
            ends = _exact(key[-1], values[key][0], groups)
        elif key == ("ece",) and not reason:
            ends = inflated_interval(values[key], groups)
        elif not reason:
            bounds = {"mcc": (-1, 1), "brier": (0, _worst_brier(len(classes)))}
            ends = interval(values[key], groups, *bounds.get(key[-1], (0, 1)))
        found[key] = ends and list(ends), reason or ""
    return found


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
    """`parts` are the values of the classes and their intervals.

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
    below = sum(own - low for own, low, _ in exact) / len(parts)
    above = sum(high - own for own, _, high in exact) / len(parts)
    low, high = value - math.hypot(value - low, below), value + math.hypot(high - value, above)
    return max(0.0, low), min(1.0, high)


def _no_threshold(thresholds: Thresholds | None) -> str:
    if thresholds is None:
        return "no threshold was chosen on a validation split"
    return "the validation split has no threshold of that specificity"


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
    """Counts; rows are true classes, columns predicted ones."""
    classes = probabilities.shape[1]
    cells = labels * classes + probabilities.argmax(1)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes).tolist()


def _divide(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """The ratio, NaN where it is undefined."""
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)


def _mean_of_defined(values: Sequence[Values]) -> Values:
    columns = np.stack(values)
    return _divide(np.nansum(columns, 0), np.isfinite(columns).sum(0))
