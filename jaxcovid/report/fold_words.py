"""What is said of the folds of a cross-validation: each one's figures, and how far they differ."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxcovid.results import Results

FIGURES = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")


def folds_record(results: Results) -> dict[str, Any]:
    """How far the folds' figures differ, for metrics.json: each with its folds' values."""
    return {
        name: {"of_each": values, "standard_deviation": deviation(values)}
        for name, values in fold_figures(results).items()
    }


def folds_sentence(results: Results) -> str:
    """How far folds differ, and what interval and spread are about; empty without folds."""
    if results.folds is None:
        return ""
    values = [value for value in fold_figures(results)["auroc"] if value is not None]
    count = len(results.folds.metrics)
    if len(values) < 2:
        return f"Macro AUROC is known of fewer than two of the {count} folds, so not their spread."
    return (
        f"Between the {count} folds macro AUROC ranges from {min(values):.3f} to {max(values):.3f} "
        f"(standard deviation {np.std(values, ddof=1):.3f}). That is about other patients to "
        "train on and to measure on at once; the interval is about others to measure on, with "
        "these networks. What another seed would change is in neither."
    )


def fold_figures(results: Results) -> dict[str, list[float | None]]:
    """`FIGURES` of each fold on the images that it left out."""
    assert results.folds is not None
    tests: list[Mapping[str, Any]] = [metrics["test"] for metrics in results.folds.metrics]
    return {name: [test[name] for test in tests] for name in FIGURES}


def deviation(values: list[float | None]) -> float | None:
    """The standard deviation of those that are known; None of fewer than two."""
    known = [value for value in values if value is not None]
    return float(np.std(known, ddof=1)) if len(known) > 1 else None
