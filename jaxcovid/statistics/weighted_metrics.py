"""What each metric is: a function of the weights of the examples.

Vectorised over rows of weights: the row of ones gives its value, other rows its bootstrap.
scikit-learn's functions, called for one resample at a time, would take a minute where this takes a
second; the tests hold the two equal.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

# Where a metric lies in the result, such as ("per_class", "normal", "recall").
Key = tuple[str, ...]
Values = Float[np.ndarray, "resample"]
Weights = Float[np.ndarray, "resample n"]
# By class, then by the names in SPECIFICITIES.
Thresholds = Mapping[str, Mapping[str, float | None]]
# The same, or thresholds for each example, NaN where there is none.
Limits = Thresholds | Mapping[str, Mapping[str, Float[np.ndarray, "n"]]]

SPECIFICITIES = {"90": 0.90, "95": 0.95}
BINS = 15

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


def weighted_metrics(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    classes: Sequence[str],
    thresholds: Limits,
    folds: Int[np.ndarray, "n"] | None = None,
) -> Callable[[Weights], dict[Key, Values]]:
    """All metrics of predictions as a function of rows of example weights.

    With the number of each example's fold areas under curves are means over folds, as scores of
    several networks rank no examples among each other (Forman and Scholz 2010).

    It gives a value for each row, NaN where a metric is undefined, under the metric's place in the
    result. `thresholds` are those at which sensitivity and specificity are taken, by class.
    """
    probabilities = probabilities.astype(np.float64)
    ratios = ratios_of(labels, probabilities, classes, thresholds)
    numerators, denominators = (
        np.stack([ratio[side] for ratio in ratios.values()], 1).astype(np.float64)
        for side in (0, 1)
    )
    truth = labels[:, None] == np.arange(len(classes))
    predicted = probabilities.argmax(1)[:, None] == np.arange(len(classes))
    calibration = _calibration_terms(probabilities, truth)
    squares = ((probabilities - truth) ** 2).sum(1) * worst_brier(len(classes)) / 2
    curves = [
        curves_of(*column) if folds is None else _curves_within(*column, folds)
        for column in zip(truth.T, probabilities.T, strict=True)
    ]

    def values(weights: Weights) -> dict[Key, Values]:
        total = weights.sum(1)
        quotients = _divide(weights @ numerators, weights @ denominators).T
        of_classes = dict(zip(ratios, quotients, strict=True))
        for name, areas in zip(classes, curves, strict=True):
            roc, precision_recall = areas(weights)
            of_classes["per_class", name, "auroc"] = roc
            of_classes["per_class", name, "auprc"] = precision_recall

        means: dict[Key, Values] = {
            (mean,): _mean_of_defined([of_classes["per_class", name, metric] for name in classes])
            for mean, metric in MEANS.items()
        }
        # Without a class that is never predicted the mean would flatter.
        missed = ((weights @ truth > 0) & (weights @ predicted == 0)).any(1)
        means["macro_precision",][missed] = np.nan
        f1 = np.stack([of_classes["per_class", name, "f1"] for name in classes], 1)
        return {
            ("accuracy",): of_classes.pop(("accuracy",)),
            **means,
            # By how many images are of a class; where F1 is undefined there are none.
            ("weighted_f1",): _divide(np.nansum(f1 * (weights @ truth), 1), total),
            ("mcc",): _matthews(weights, truth, predicted),
            ("ece",): _divide(np.abs(weights @ calibration).sum(1), total),
            ("brier",): _divide(weights @ squares, total),
            **of_classes,
        }

    return values


def ratios_of(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    classes: Sequence[str],
    thresholds: Limits,
) -> dict[Key, tuple[np.ndarray, np.ndarray]]:
    """Metrics that are a ratio of sums over examples: what each example adds to both sums.

    Under each metric's place in the result: what adds to the numerator, and to the denominator.
    Sensitivity and specificity at a threshold that is missing are 0 / 0.
    """
    predictions = probabilities.argmax(1)
    probabilities = probabilities.astype(np.float64)  # as thresholds are
    ratios: dict[Key, tuple[np.ndarray, np.ndarray]] = {
        ("accuracy",): (labels == predictions, np.ones(len(labels), bool))
    }
    for index, name in enumerate(classes):
        true, called = labels == index, predictions == index
        of_class = {
            "precision": (true & called, called),
            "recall": (true & called, true),
            "specificity": (~true & ~called, ~true),
            "npv": (~true & ~called, ~called),
            "f1": (2 * (true & called), true.astype(int) + called),
        }
        for point in points_of_class(thresholds, name):
            threshold = thresholds.get(name, {}).get(point)
            # Without a threshold the ratios are 0 / 0.
            limits = np.full(len(labels), np.nan) if threshold is None else threshold
            known = np.broadcast_to(~np.isnan(limits), labels.shape)
            called = known & (probabilities[:, index] >= np.nan_to_num(limits))
            of_class[f"sensitivity_at_{point}"] = (true & called, true & known)
            of_class[f"specificity_at_{point}"] = (~true & ~called & known, ~true & known)
        ratios |= {("per_class", name, metric): ratio for metric, ratio in of_class.items()}
    return ratios


def points_of_class(thresholds: Limits, name: str) -> list[str]:
    """The operating points of a class, by name: the usual ones, and those asked for."""
    return [*dict.fromkeys([*SPECIFICITIES, *thresholds.get(name, {})])]


def curves_of(
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


def placements(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    folds: Int[np.ndarray, "n"],
) -> Float[np.ndarray, "n class"]:
    """For each class the share of its fold's other images that each image is put before.

    So what several networks say can stand in one ROC curve, of which the area is about the mean of
    the folds'.
    """
    places = np.zeros(probabilities.shape, np.float32)
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds == fold)
        for index in range(probabilities.shape[1]):
            scores = probabilities[rows, index]
            others = np.sort(scores[labels[rows] != index])
            below, upto = (np.searchsorted(others, scores, side) for side in ("left", "right"))
            places[rows, index] = (below + upto) / (2 * max(len(others), 1))
    return places


def _curves_within(
    positive: Bool[np.ndarray, "n"], scores: Float[np.ndarray, "n"], folds: Int[np.ndarray, "n"]
) -> Callable[[Weights], tuple[Values, Values]]:
    """The means of both areas over the folds that define them."""
    parts = [folds == fold for fold in np.unique(folds)]
    of_parts = [curves_of(positive[part], scores[part]) for part in parts]

    def values(weights: Weights) -> tuple[Values, Values]:
        areas = [areas(weights[:, part]) for areas, part in zip(of_parts, parts, strict=True)]
        roc, precision_recall = zip(*areas, strict=True)
        return _mean_of_defined(roc), _mean_of_defined(precision_recall)

    return values


def worst_brier(classes: int) -> int:
    """The highest Brier score of so many classes; scikit-learn halves it for two."""
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
    spread_of, spread_called = (total**2 - np.sum(counts**2, 1) for counts in (of, called))
    return _divide(covariance, np.sqrt(spread_of) * np.sqrt(spread_called))


def _divide(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """The ratio, NaN where it is undefined."""
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)


def _mean_of_defined(values: Sequence[Values]) -> Values:
    columns = np.stack(values)
    return _divide(np.nansum(columns, 0), np.isfinite(columns).sum(0))
