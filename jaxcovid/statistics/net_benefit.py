"""What calling a class is worth: the net benefit of decision curve analysis.

Vickers and Elkin 2006, "Decision curve analysis: a novel method for evaluating prediction models",
Medical Decision Making 26:565. Hits less false alarms, per image, a false alarm counting
as much as the threshold's odds say: who calls at 10 % takes nine false alarms for one hit.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxcovid.statistics.bootstrap import LEVEL, resample_weights

# Probabilities from which on the class is called.
GRID = np.linspace(0.01, 0.99, 99)


class DecisionCurve(NamedTuple):
    """Net benefit at each threshold of `GRID`, the ends of its 95 % band, and of calling all."""

    value: Float[np.ndarray, "point"]
    low: Float[np.ndarray, "point"]
    high: Float[np.ndarray, "point"]
    calling_all: Float[np.ndarray, "point"]


def decision_curve(
    positive: Bool[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    *,
    groups: Int[np.ndarray, "n"] | None = None,
    resamples: int = 200,
    seed: int = 0,
) -> DecisionCurve:
    """The curve of a class with these probabilities, 0 to 1; calling none is worth 0.

    At each point 95 % of the resamples of patients lie inside the band; it is NaN without two.
    `groups` has equal numbers for images of one patient.
    """
    units = np.arange(len(scores)) if groups is None else groups
    called = scores.astype(np.float64)[:, None] >= GRID
    odds = GRID / (1 - GRID)

    def benefits(weights: Float[np.ndarray, "resample n"]) -> Float[np.ndarray, "resample point"]:
        hits, alarms = (weights @ (called & side[:, None]) for side in (positive, ~positive))
        return (hits - alarms * odds) / weights.sum(1)[:, None]

    (value,) = benefits(np.ones((1, len(scores))))
    drawn = [benefits(weights) for weights in resample_weights(units, resamples, seed)]
    low = high = np.full(len(GRID), np.nan)
    if drawn:
        ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
        low, high = np.quantile(np.concatenate(drawn), ends, axis=0)
    share = float(np.mean(positive))
    return DecisionCurve(value, low, high, share - (1 - share) * odds)
