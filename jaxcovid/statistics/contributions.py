"""What each image contributes to a figure: numbers whose mean the figure is.

Their spread over images tells how sure the figure is (the infinitesimal jackknife; of the AUROC
these are the placements of DeLong, DeLong and Clarke-Pearson, Biometrics 1988), and that of
differences how sure a difference between networks on the same images is.
"""

import numpy as np
import scipy
from jaxtyping import Bool, Float, Int


def balanced_accuracy_contributions(
    labels: Int[np.ndarray, "n"], correct: Bool[np.ndarray, "n"]
) -> Float[np.ndarray, "n"]:
    """Of each image to the mean recall of the classes that occur."""
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    recall = np.bincount(classes, correct) / counts
    share = counts / len(labels)
    return recall.mean() + ((correct - recall[classes]) / share[classes]) / len(counts)


def auroc_contributions(
    labels: Int[np.ndarray, "n"], probabilities: Float[np.ndarray, "n class"]
) -> Float[np.ndarray, "n"] | None:
    """Of each image to the macro AUROC, each class against the others; None if it is undefined."""
    classes = [
        _of_class(labels == index, scores)
        for index, scores in enumerate(probabilities.T)
        if 0 < np.sum(labels == index) < len(labels)
    ]
    return np.mean(classes, 0) if classes else None


def _of_class(
    positive: Bool[np.ndarray, "n"], scores: Float[np.ndarray, "n"]
) -> Float[np.ndarray, "n"]:
    ranks, above = scipy.stats.rankdata(scores), np.empty(len(scores))
    for side in (positive, ~positive):
        # The share of the other side that an image is ranked above, ties counting half.
        above[side] = (ranks[side] - scipy.stats.rankdata(scores[side])) / np.sum(~side)
    placement = np.where(positive, above, 1 - above)
    area = placement[positive].mean()
    share = np.where(positive, positive.mean(), 1 - positive.mean())
    return area + (placement - area) / share
