"""How far networks of folds and of seeds differ: in sentences, and for metrics.json."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxcovid.report import words
from jaxcovid.results import Parted, Results

FIGURES = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")


def between_sentences(results: Results) -> list[str]:
    """How far folds and seeds differ, and what interval and spread are about; none without them."""
    sentences = []
    if results.folds is not None:
        sentences.append(_about_folds(results.folds, results.seeds))
    if results.seeds is not None:
        sentences.append(_about_seeds(results.seeds, results))
    return sentences


def between_records(results: Results) -> dict[str, Any]:
    """The same for metrics.json: each figure of each fold and seed, and how far they differ."""
    kinds = {"between_folds": results.folds, "between_seeds": results.seeds}
    return {name: _record(parted) for name, parted in kinds.items() if parted is not None}


def _about_folds(folds: Parted, seeds: Parted | None) -> str:
    count = len(folds.numbers)
    values = _known(folds, "auroc")
    if len(values) < 2:
        return f"Macro AUROC is known of fewer than two of the {count} folds, so not their spread."
    unknown = " What another seed would change is in neither." if seeds is None else ""
    return (
        f"Between the {count} folds macro AUROC {_spread(values)}. That is about other patients to "
        "train on and to measure on at once; the interval is about others to measure on, with "
        f"these networks.{unknown}"
    )


def _about_seeds(seeds: Parted, results: Results) -> str:
    count = len(seeds.numbers)
    values = _known(seeds, "auroc")
    if len(values) < 2:
        return f"Macro AUROC is known of fewer than two of the {count} seeds, so not their spread."
    metrics = results.splits[results.main].metrics
    assert metrics is not None
    together = words.with_interval(metrics["auroc"], metrics["intervals"]["auroc"])
    alone = "the network of one" if results.folds is None else "the networks of one"
    return (
        f"Between the {count} seeds macro AUROC of {alone} {_spread(values)}, "
        f"{np.mean(values):.3f} on average; together they have {together}. Two things leave that "
        f"open: chance in training, of which the spread of {count} seeds gives an idea (together "
        "they vary less), and which patients are measured on, as the interval says."
    )


def _spread(values: Sequence[float]) -> str:
    return (
        f"ranges from {min(values):.3f} to {max(values):.3f} "
        f"(standard deviation {np.std(values, ddof=1):.3f})"
    )


def _record(parted: Parted) -> dict[str, Any]:
    return {
        name: {
            "of_each": [metrics[name] for metrics in parted.metrics],
            "standard_deviation": deviation(parted, name),
        }
        for name in FIGURES
    }


def deviation(parted: Parted, name: str) -> float | None:
    """The standard deviation of those that are known; None of fewer than two."""
    known = _known(parted, name)
    return float(np.std(known, ddof=1)) if len(known) > 1 else None


def _known(parted: Parted, name: str) -> list[float]:
    return [metrics[name] for metrics in parted.metrics if metrics[name] is not None]
