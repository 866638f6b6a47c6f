"""By which figure of the validation images the members and settings of a sweep are judged.

Imports nothing slow, so that --help answers at once.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

from jaxcovid.report.words import OVERALL

Metric = Literal["balanced_accuracy", "accuracy", "auroc", "macro_f1", "loss"]

METRICS: tuple[Metric, ...] = get_args(Metric)

# Figures of a member in words, in the order of the tables; of loss less is better.
WORDS: dict[Metric, str] = {
    "accuracy": OVERALL["accuracy"],
    "balanced_accuracy": OVERALL["balanced_accuracy"],
    "macro_f1": OVERALL["macro_f1"],
    "auroc": OVERALL["auroc"],
    "loss": "loss",
}

# What sweeps were judged by that were begun before there was a choice.
FORMER: Metric = "accuracy"


class Majority(NamedTuple):
    """What always answering the commonest class gets: the class, the figure and its value."""

    answer: str
    metric: Metric
    value: float


def merit(metric: Metric, value: float) -> float:
    """A figure as a number of which more is better."""
    return -value if metric == "loss" else value


def majority(metric: Metric, images: Mapping[str, int]) -> Majority:
    """What always answering the commonest class gets, by a figure from 0 to 1.

    `images` is the number of images by class. There is no loss of an answer without probabilities,
    so for loss it is the balanced accuracy.
    """
    answer = max(images, key=lambda name: images[name])
    share = images[answer] / sum(images.values())
    occurring = sum(count > 0 for count in images.values())
    figure: Metric = "balanced_accuracy" if metric == "loss" else metric
    values: dict[Metric, float] = {
        "accuracy": share,
        "balanced_accuracy": 1 / occurring,
        # Its precision is the share, its recall 1; the F1 of every other class is 0.
        "macro_f1": 2 * share / (1 + share) / occurring,
        "auroc": 0.5,
    }
    return Majority(answer, figure, values[figure])
