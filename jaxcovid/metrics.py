"""How good predictions are; an undefined value is None, never 0."""

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from jaxtyping import Int
from sklearn import metrics


def classification(
    labels: Int[np.ndarray, "n"], predictions: Int[np.ndarray, "n"], classes: Sequence[str]
) -> dict[str, Any]:
    """Accuracy, macro-F1, per-class figures and the confusion matrix (rows are true classes).

    Macro-F1 is the mean over the classes whose F1 is defined, that is, which occur among labels or
    predictions.
    """
    indices = list(range(len(classes)))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predictions, labels=indices, zero_division=cast(Any, np.nan)
    )
    assert isinstance(support, np.ndarray)
    return {
        "examples": len(labels),
        "accuracy": float(np.mean(labels == predictions)),
        "macro_f1": float(np.nanmean(np.asarray(f1))),
        "per_class": {
            name: {
                "precision": _or_none(np.asarray(precision)[index]),
                "recall": _or_none(np.asarray(recall)[index]),
                "f1": _or_none(np.asarray(f1)[index]),
                "support": int(support[index]),
            }
            for index, name in enumerate(classes)
        },
        "confusion_matrix": metrics.confusion_matrix(labels, predictions, labels=indices).tolist(),
    }


def _or_none(value: Any) -> float | None:
    return None if math.isnan(value) else float(value)
