"""How far an ROC curve could lie elsewhere, had other patients been drawn."""

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxcovid.statistics.bootstrap import LEVEL, resample_weights

POINTS = 51


def roc_band(
    positive: Bool[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    groups: Int[np.ndarray, "n"],
    *,
    resamples: int = 200,
    seed: int = 0,
) -> tuple[Float[np.ndarray, "_"], Float[np.ndarray, "_"], Float[np.ndarray, "_"]]:
    """Evenly spaced values of 1 - specificity, and the ends of the sensitivities at each.

    At each point 95 % of the resamples of whole groups (`groups` has equal numbers for examples of
    one patient) lie between the ends; whole curves leave them more often. Without two groups, or
    resamples with positives and negatives, the ends are NaN.
    """
    order = np.argsort(-scores, kind="stable")
    last_of_score = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    grid = np.linspace(0, 1, POINTS)
    curves = []
    for weights in resample_weights(groups, resamples, seed):
        ranked = weights[:, order]
        hits = np.cumsum(ranked * positive[order], 1)[:, last_of_score]
        alarms = np.cumsum(ranked * ~positive[order], 1)[:, last_of_score]
        known = (hits[:, -1] > 0) & (alarms[:, -1] > 0)
        for hit, alarm in zip(hits[known], alarms[known], strict=True):
            start = ([0.0], hit / hit[-1]), ([0.0], alarm / alarm[-1])
            sensitivity, fall_out = map(np.concatenate, start)
            curves.append(np.interp(grid, fall_out, sensitivity))
    if not curves:
        return grid, np.full(POINTS, np.nan), np.full(POINTS, np.nan)
    low, high = np.quantile(curves, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return grid, low, high
