"""How many patients a test set needs for intervals of a given width, class by class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from jaxcovid.audits.blind_floor import figure
from jaxcovid.statistics.metrics import measure
from jaxcovid.statistics.sample_size import patients_needed

# Full widths of 95 % intervals of the area under a ROC curve.
WIDTHS = (0.10, 0.05)


def sample_size(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    classes: Sequence[str],
    groups: Int[np.ndarray, "n"] | None,
) -> dict[str, Any]:
    """The check as audit.json holds it, by what a network says of measured images.

    It does not fail. Of each class: its AUROC here, its share of the images, how many patients
    there are, and how many a test set of one image each would need.
    """
    if len(np.unique(labels)) < 2:
        return {"passed": None, "reason": "all images are of one class", "found": []}
    metrics = measure(labels, probabilities, classes, groups=groups)
    people = np.arange(len(labels)) if groups is None else groups
    rows = {}
    for place, name in enumerate(classes):
        share = float((labels == place).mean())
        if not 0 < share < 1:
            continue
        area = figure("auroc", metrics, "per_class", name)
        rows[name] = {
            "auroc": area,
            "share": share,
            "patients": len(np.unique(people[labels == place])),
            "needed": {f"{width:.2f}": patients_needed(area["value"], share, width)
                       for width in WIDTHS},
        }  # fmt: skip
    return {"passed": True, "patients": len(np.unique(people)), "test": rows, "found": []}
