"""Charts of probabilities: operating characteristics, precision and recall, reliability."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import scipy
from jaxtyping import Bool, Float, Int
from matplotlib.figure import Figure
from sklearn import metrics

from jaxcovid.report.drawing import (
    COLOURS,
    DASHES,
    PAPER,
    SOFT,
    TRAIN,
    new_figure,
    plain,
    short_name,
    square,
    with_legend,
    within,
)
from jaxcovid.statistics.net_benefit import GRID as GRID_OF_BENEFIT
from jaxcovid.statistics.net_benefit import decision_curve
from jaxcovid.statistics.referral import GRID, referral_band
from jaxcovid.statistics.roc_band import roc_band
from jaxcovid.statistics.weighted_metrics import BINS

# Of more classes bands would hide each other's lines, and intervals have no room beside names.
MOST_WITH_INTERVALS = 4

# The curve of what is left ends where fewer images are left.
FEWEST_LEFT = 10

# The 95 % interval of each class's area, None where there is none.
Intervals = Mapping[str, Sequence[float] | None]


def roc_chart(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    classes: Sequence[str],
    title: str,
    *,
    intervals: Intervals | None = None,
    patients: Int[np.ndarray, "n"] | None = None,
    areas: Mapping[str, float | None] | None = None,
    points: Mapping[str, Sequence[tuple[float, float]]] | None = None,
) -> Figure:
    """Receiver operating characteristic of each class against the others, with its area.

    Sensitivity against 1 - specificity, of few classes with a band that resamples of patients
    leave out in 5 % of cases at each point. Classes of which there are no images, or no others,
    have no curve; probabilities are 0 to 1. `intervals` are of the areas, `patients` has equal
    numbers for images of one patient. `areas` are said instead of those under the curves. `points`
    are sensitivities and specificities of each class to be marked.
    """
    targets = (labels[:, None] == np.arange(len(classes))).astype(np.float32)
    figure = finding_roc_chart(
        targets, probabilities, classes, title, intervals=intervals, patients=patients, areas=areas
    )
    for number, name in enumerate(classes):
        for sensitivity, specificity in (points or {}).get(name, ()):
            figure.axes[0].plot(
                1 - specificity, sensitivity, "o", color=COLOURS[number % len(COLOURS)],
                markersize=8, markeredgecolor=PAPER, zorder=3,
            )  # fmt: skip
    return figure


def finding_roc_chart(
    targets: Float[np.ndarray, "n finding"],
    probabilities: Float[np.ndarray, "n finding"],
    findings: Sequence[str],
    title: str,
    *,
    intervals: Intervals | None = None,
    patients: Int[np.ndarray, "n"] | None = None,
    areas: Mapping[str, float | None] | None = None,
) -> Figure:
    """The same of each finding: images with it against those without.

    `targets` are 1, 0, or NaN where that is unknown.
    """
    figure, axes = square(title)
    axes.plot([0, 1], [0, 1], color=SOFT, linewidth=0.8)
    units = np.arange(len(targets)) if patients is None else patients
    for known, positive, scores, name, line in _with_and_without(targets, probabilities, findings):
        fall_out, recall, _ = metrics.roc_curve(positive, scores)
        stated = None if areas is None else areas.get(name)
        area = metrics.auc(fall_out, recall) if stated is None else stated
        if len(findings) <= MOST_WITH_INTERVALS:
            band = roc_band(positive, scores, units[known])
            axes.fill_between(*band, color=line["color"], alpha=0.14, linewidth=0)
        label = _label(name, area, intervals, len(findings))
        axes.plot(fall_out, recall, label=label, **line)
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(-0.02, 1))
    return with_legend(figure, axes, "area under the curve")


def precision_recall_chart(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    classes: Sequence[str],
    title: str,
    *,
    intervals: Intervals | None = None,
) -> Figure:
    """Precision against sensitivity of each class against the others, with average precision.

    A thin line is the share of images that are of the class: what guessing gives. Classes of which
    there are no images, or no others, have no curve; probabilities are 0 to 1. `intervals` are of
    average precision.
    """
    figure, axes = square(title)
    targets = (labels[:, None] == np.arange(len(classes))).astype(np.float32)
    for _, positive, scores, name, line in _with_and_without(targets, probabilities, classes):
        precision, recall, _ = metrics.precision_recall_curve(positive, scores)
        area = metrics.average_precision_score(positive, scores)
        label = _label(name, area, intervals, len(classes))
        axes.plot(recall, precision, drawstyle="steps-post", label=label, **line)
        axes.axhline(positive.mean(), color=line["color"], linewidth=0.6, alpha=0.5)
    axes.set(xlabel="sensitivity (recall)", ylabel="precision", xlim=(0, 1.02))
    return with_legend(figure, axes, "average precision")


def reliability_chart(
    labels: Int[np.ndarray, "n"], probabilities: Float[np.ndarray, "n class"], title: str
) -> Figure:
    """How often the predicted class is right, by how sure the network is of it (0 to 1).

    In `BINS` bins of equal width as the calibration error is, each with its exact binomial 95 %
    interval, which takes images for independent.
    """
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    right = np.bincount(bins[correct], minlength=BINS)
    filled = np.flatnonzero(count)
    mean = np.bincount(bins, confidence, BINS)[filled] / count[filled]
    ends = np.array(
        [
            scipy.stats.binomtest(int(right[place]), int(count[place])).proportion_ci(0.95)
            for place in filled
        ]
    ).reshape(-1, 2)
    figure, axes = square(title)
    axes.plot([0, 1], [0, 1], color=SOFT, linewidth=0.8, label="as sure as right")
    low, high = ends.T
    axes.vlines(mean, low, high, color=TRAIN, alpha=0.35, linewidth=6, label="95 % interval")
    share = right[filled] / count[filled]
    axes.plot(mean, share, color=TRAIN, marker="o", markersize=4, label="this network")
    axes.set(ylabel="share that is right", xlim=(0, 1.02))
    axes.set(xlabel="probability of the predicted class")
    return with_legend(figure, axes, "")


def net_benefit_chart(
    positive: Bool[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    title: str,
    *,
    patients: Int[np.ndarray, "n"] | None = None,
) -> Figure:
    """Net benefit of calling a class, by the probability from which on it is called.

    Beside it calling all, and none, which is worth 0. `patients` is as elsewhere.
    """
    figure = new_figure(4.5, 3.0, title)
    axes = figure.subplots()
    curve = decision_curve(positive, scores, groups=patients)
    axes.axhline(0, color=SOFT, linewidth=0.8, label="calling none")
    axes.plot(GRID_OF_BENEFIT, curve.calling_all, "--", color=SOFT, label="calling all")
    axes.fill_between(GRID_OF_BENEFIT, curve.low, curve.high, color=TRAIN, alpha=0.14, linewidth=0)
    axes.plot(GRID_OF_BENEFIT, curve.value, color=TRAIN, label="this network")
    highest = max(float(np.mean(positive)), 0.02)
    axes.set(xlim=(0, 1), ylim=(-0.35 * highest, 1.1 * highest))
    axes.set(xlabel="called from this probability on", ylabel="net benefit")
    plain(axes)
    axes.legend(frameon=False, fontsize=8)
    return figure


def referral_chart(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    title: str,
    *,
    patients: Int[np.ndarray, "n"] | None = None,
) -> Figure:
    """The accuracy of the images that are left, by the share of the least sure that is referred.

    With a band that resamples of patients leave in 5 % of cases at each point. `patients` has equal
    numbers for images of one patient.
    """
    figure = new_figure(4.5, 2.1, title)
    axes = figure.subplots()
    accuracy, low, high = referral_band(labels, probabilities, groups=patients)
    axes.axhline(accuracy[0], color=SOFT, linewidth=0.8)
    # What is left of few images says little.
    shown = (1 - GRID) * len(labels) >= min(FEWEST_LEFT, len(labels))
    accuracy, low, high = accuracy[shown], low[shown], high[shown]
    percent = 100 * GRID[shown]
    axes.fill_between(percent, low, high, color=TRAIN, alpha=0.14, linewidth=0)
    axes.plot(percent, accuracy, color=TRAIN)
    ends = [accuracy.min(), *low[np.isfinite(low)]]
    axes.set(xlim=(0, max(percent[-1], 10)), ylim=(max(0, min(ends) - 0.05), 1.02))
    axes.set(xlabel="referred (%)", ylabel="accuracy of the others")
    plain(axes)
    return figure


def _label(name: str, area: float, intervals: Intervals | None, classes: int) -> str:
    """What a legend says of a class: its area, of few classes with the interval."""
    interval = (intervals or {}).get(name) if classes <= MOST_WITH_INTERVALS else None
    return f"{short_name(name, 20)} {area:.3f}{within(interval)}"


def _with_and_without(
    targets: np.ndarray, probabilities: np.ndarray, names: Sequence[str]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, str, dict[str, Any]]]:
    """Of which images it is known, which of them have it, their scores, its name and its line.

    Only of what some have and others have not: else no curve is defined.
    """
    for index, name in enumerate(names):
        known = ~np.isnan(targets[:, index])
        positive = targets[known, index] == 1
        if 0 < positive.sum() < len(positive):
            line = {
                "color": COLOURS[index % len(COLOURS)],
                "linestyle": DASHES[index % len(DASHES)],
                "linewidth": 1.6,
            }
            yield known, positive, probabilities[known, index], name, line
