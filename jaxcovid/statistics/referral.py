"""What accuracy is left if the images of which a network is least sure are referred to a reader.

The risk-coverage curve of selective classification (El-Yaniv and Wiener 2010, "On the foundations
of noise-free selective classification"), the probability of the answer being how sure it is. In 400
simulated samples each of five populations (`tests/statistics/test_referral.py`: single images and
several of a patient, also where nearly all that is wrong is least sure) the intervals held the true
accuracy that is left in 95 to 97 %.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from jaxcovid.statistics.bootstrap import LEVEL, SAME, bootstrap, no_spread, resample_weights
from jaxcovid.statistics.proportions import clustered_wilson, wilson

# Shares of the images that are referred.
SHARES = (0.05, 0.1, 0.2)
# Where the curve is drawn.
GRID = np.linspace(0, 0.9, 46)


def referral(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    classes: Sequence[str],
    *,
    groups: Int[np.ndarray, "n"] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """The accuracy of the images that are left for each of `SHARES`, in percent; ready for JSON.

    Each with its 95 % interval or the reason why there is none, the probability below which images
    are referred, and how many of each class these are; a share of less than half an image is left
    out. Of images that are equally sure any may be referred: accuracy is the mean over such
    choices, the counts are of one that `seed` draws. `groups` has equal numbers for images of one
    patient.
    """
    units = np.arange(len(labels)) if groups is None else groups
    counts = {share: round(share * len(labels)) for share in SHARES}
    shares = {share: count / len(labels) for share, count in counts.items() if count}
    values = bootstrap(_left(labels, probabilities, [*shares.values()]), units, resamples, seed)
    sure = probabilities.max(1)
    mixed = np.random.default_rng(seed).permutation(len(labels))
    order = mixed[np.argsort(sure[mixed], kind="stable")]
    record = {}
    for share, exact in shares.items():
        referred, kept = order[: counts[share]], order[counts[share] :]
        low, high, reason = _interval(values[exact], len(kept), len(np.unique(units[kept])))
        record[f"{100 * share:.0f}"] = {
            "images": len(kept),
            "accuracy": float(values[exact][0]),
            "interval": None if reason else [low, high],
            **({"reason": reason} if reason else {}),
            "below": float(sure[kept[0]]),
            "referred": {
                name: int((labels[referred] == index).sum()) for index, name in enumerate(classes)
            },
        }
    return record


def referral_band(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    *,
    groups: Int[np.ndarray, "n"] | None = None,
    resamples: int = 200,
    seed: int = 0,
) -> tuple[Float[np.ndarray, "point"], Float[np.ndarray, "point"], Float[np.ndarray, "point"]]:
    """The accuracy that is left at each share of `GRID`, and the ends of a 95 % band.

    At each point 95 % of the resamples of patients lie inside; without two patients it is NaN.
    """
    units = np.arange(len(labels)) if groups is None else groups
    shares = tuple(GRID.tolist())
    left = _left(labels, probabilities, shares)

    def rows(weights: Float[np.ndarray, "resample n"]) -> Float[np.ndarray, "point resample"]:
        of_shares = left(weights)
        return np.stack([of_shares[share] for share in shares])

    (value,) = rows(np.ones((1, len(labels)))).T
    drawn = [rows(weights) for weights in resample_weights(units, resamples, seed)]
    if not drawn:
        return value, np.full(len(GRID), np.nan), np.full(len(GRID), np.nan)
    low, high = np.quantile(np.concatenate(drawn, 1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
    return value, low, high


def _left(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    shares: Sequence[float],
) -> Callable[[Float[np.ndarray, "resample n"]], dict[float, Float[np.ndarray, "resample"]]]:
    """The accuracy that is left for each share, as a function of rows of example weights."""
    sure, right = probabilities.max(1), probabilities.argmax(1) == labels
    order = np.argsort(-sure, kind="stable")
    # Images that are equally sure are taken together.
    last = np.append(np.flatnonzero(np.diff(sure[order])), len(order) - 1)

    def values(
        weights: Float[np.ndarray, "resample n"],
    ) -> dict[float, Float[np.ndarray, "resample"]]:
        ranked = weights[:, order]
        counts = np.cumsum(ranked, 1)[:, last]
        hits = np.cumsum(ranked * right[order], 1)[:, last]
        kept = np.outer(counts[:, -1], 1 - np.array(shares))
        left = [
            np.interp(of_row, np.append(0, count), np.append(0, hit)) / of_row
            for of_row, count, hit in zip(kept, counts, hits, strict=True)
        ]
        return dict(zip(shares, np.array(left).T, strict=True))

    return values


def _interval(values: Float[np.ndarray, "_"], images: int, groups: int) -> tuple[float, float, str]:
    """Low and high end, and why there is none if so.

    By the resamples, in which the cut lies elsewhere each time, also where each image is of another
    patient: Wilson's for a fixed cut would be too short.
    """
    reason = no_spread(values, groups)
    share = float(values[0])
    if share in (0, 1) and reason in (None, SAME):
        return *wilson(share, groups), ""
    if reason:
        return np.nan, np.nan, reason
    return *clustered_wilson(values, images, groups), ""
