"""Metrics where an image may have several findings: every output by itself."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from jaxcovid.statistics.metrics import measure

OF_FINDING = ("precision", "recall", "specificity", "npv", "f1", "auroc", "auprc")


def measure_findings(
    targets: Int[np.ndarray, "n output"],
    probabilities: Float[np.ndarray, "n output"],
    names: Sequence[str],
    *,
    groups: Int[np.ndarray, "n"] | None = None,
) -> dict[str, Any]:
    """Metrics of every output by itself, and how often all of an image are right; ready for JSON.

    `targets` are 1 where an image has a finding, else 0. A finding is predicted if its probability
    is above one half. `names` are the findings'; `groups` has equal numbers for images of one
    patient. All with 95 % intervals; what is None has its reason under "undefined".
    """
    alone = {}
    for name, target, probability in zip(names, targets.T, probabilities.T, strict=True):
        both = np.stack([1 - probability, probability], 1)
        alone[name] = measure(target, both, ("absent", "present"), groups=groups)
    exact = ((probabilities > 0.5) == targets).all(1).astype(np.int32)
    right = np.stack([np.zeros(len(exact)), np.ones(len(exact))], 1).astype(np.float32)
    match = measure(exact, right, ("wrong", "right"), groups=groups)
    present = {name: result["per_class"]["present"] for name, result in alone.items()}
    intervals = {
        name: result["intervals"]["per_class"]["present"] for name, result in alone.items()
    }

    def chosen(
        tree: Mapping[str, Mapping[str, Any]], keys: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        return {name: {key: branch[key] for key in keys} for name, branch in tree.items()}

    return {
        "exact_match": match["accuracy"],
        "per_finding": chosen(present, ("support", *OF_FINDING)),
        "intervals": {
            "exact_match": match["intervals"]["accuracy"],
            "per_finding": chosen(intervals, OF_FINDING),
        },
        "undefined": {
            f"per_finding.{name}.{key}": result["undefined"][f"per_class.present.{key}"]
            for name, result in alone.items()
            for key in OF_FINDING
            if present[name][key] is None
        },
    }
