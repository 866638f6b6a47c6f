"""Charts of a run: learning curves, confusion matrices, operating characteristics, reliability."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn import metrics

from jaxcovid.report import DISCLAIMER
from jaxcovid.statistics.weighted_metrics import BINS

TRAIN, VALIDATION = "#1b6ca8", "#c8552b"  # told apart also without colour vision

# Okabe and Ito's colours, and a dash for each, so that a grey print can be read too.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
DASHES = ("-", "--", "-.", ":")


def learning_curve(history: Sequence[Mapping[str, Any]], name: str, title: str) -> Figure:
    """Loss or accuracy by epoch, training and validation on one axis.

    `history` are the columns of history.csv, a row for each epoch; `name` is "loss" or "accuracy".
    """
    figure = _figure(5, 4, title)
    axes = figure.subplots()
    epochs = [row["epoch"] for row in history]
    for split, colour, marker in (("train", TRAIN, "o"), ("validation", VALIDATION, "s")):
        values = [row[f"{split}_{name}"] for row in history]
        axes.plot(epochs, values, color=colour, marker=marker, markersize=4, label=split)
    axes.set(xlabel="epoch", ylabel=name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(0, 1.02 if name == "accuracy" else None)
    axes.legend(frameon=False)
    _plain(axes)
    return figure


def repeated_curves(
    groups: Mapping[str, Sequence[Sequence[Mapping[str, float]]]],
    name: str,
    title: str,
    across: tuple[str, float],
    highest: float,
) -> Figure:
    """Loss or accuracy of several groups of runs, a line for each, on axes that others share.

    `groups` are histories by the group's name, each a row of numbers for each epoch; `name` is
    "loss" or "accuracy". `across` is the column that runs along the axis and where the axis ends,
    `highest` the upper end of the other.
    """
    figure = _figure(4, 3.3, title)
    axes = figure.subplots()
    for (group, histories), colour in zip(groups.items(), COLOURS, strict=False):
        for number, history in enumerate(histories):
            along = [row[across[0]] for row in history]
            for split, dash in (("train", "--"), ("validation", "-")):
                label = (f"{group}, {split}" if group else split) if number == 0 else None
                values = [row[f"{split}_{name}"] for row in history]
                axes.plot(
                    along, values, dash, color=colour, marker=".", markersize=4, linewidth=1.1,
                    label=label,
                )  # fmt: skip
    axes.set(xlabel="updates" if across[0] == "step" else across[0], ylabel=name)
    axes.set(xlim=(0, 1.03 * across[1]), ylim=(0, highest))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, fontsize=7)
    _plain(axes)
    return figure


def confusion_chart(matrix: Sequence[Sequence[int]], classes: Sequence[str], title: str) -> Figure:
    """A confusion matrix: counts as numbers, their shares of the true class as shade.

    Rows of the matrix are true classes, columns the predicted ones, in the order of `classes`.
    """
    counts = np.array(matrix)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = 2.3 + 0.65 * len(classes)
    figure = _figure(side + 0.5, side, title)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [_short(name) for name in classes]
    axes.set_xticks(range(len(classes)), names, rotation=30, ha="right")
    axes.set_yticks(range(len(classes)), names)
    axes.set(xlabel="predicted", ylabel="true")
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.55 else "black"
        text = f"{count}\n{shares[row, column]:.0%}"
        axes.text(column, row, text, ha="center", va="center", color=colour)
    _plain(axes)
    return figure


def roc_chart(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    classes: Sequence[str],
    title: str,
) -> Figure:
    """Receiver operating characteristic of each class against the others, with its area.

    Sensitivity against 1 - specificity. Classes of which there are no images, or no others, have no
    curve; probabilities are 0 to 1.
    """
    figure, axes = _square(title)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    for positive, scores, name, line in _one_against_others(labels, probabilities, classes):
        fall_out, recall, _ = metrics.roc_curve(positive, scores)
        area = metrics.auc(fall_out, recall)
        axes.plot(fall_out, recall, label=f"{name} ({area:.3f})", **line)
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(-0.02, 1))
    return _with_legend(figure, axes, "area under the curve")


def precision_recall_chart(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    classes: Sequence[str],
    title: str,
) -> Figure:
    """Precision against sensitivity of each class against the others, with average precision.

    A thin line is the share of images that are of the class: what guessing gives. Classes of which
    there are no images, or no others, have no curve; probabilities are 0 to 1.
    """
    figure, axes = _square(title)
    for positive, scores, name, line in _one_against_others(labels, probabilities, classes):
        precision, recall, _ = metrics.precision_recall_curve(positive, scores)
        area = metrics.average_precision_score(positive, scores)
        axes.plot(recall, precision, drawstyle="steps-post", label=f"{name} ({area:.3f})", **line)
        axes.axhline(positive.mean(), color=line["color"], linewidth=0.6, alpha=0.5)
    axes.set(xlabel="sensitivity (recall)", ylabel="precision", xlim=(0, 1.02))
    return _with_legend(figure, axes, "average precision")


def reliability_chart(
    labels: Int[np.ndarray, "n"], probabilities: Float[np.ndarray, "n class"], title: str
) -> Figure:
    """How often the predicted class is right, by how sure the network is of it (0 to 1).

    In `BINS` bins of equal width as the calibration error is, with how many images lie in each.
    """
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    filled = np.flatnonzero(count)
    accuracy = np.bincount(bins, correct, BINS)[filled] / count[filled]
    mean = np.bincount(bins, confidence, BINS)[filled] / count[filled]
    figure = _figure(5, 5.4, title)
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, label="as sure as right")
    axes.plot(mean, accuracy, color=TRAIN, marker="o", label="this network")
    axes.vlines(mean, mean, accuracy, color=VALIDATION, linewidth=1.2, label="gap")
    axes.set(ylabel="share that is right", ylim=(0, 1.02), xlim=(0, 1.02))
    axes.legend(frameon=False, loc="upper left")
    edges = (np.arange(BINS) + 0.5) / BINS
    below.bar(edges, count, width=0.9 / BINS, color=TRAIN)
    below.set(xlabel="probability of the predicted class", ylabel="images")
    _plain(axes)
    _plain(below)
    return figure


def difference_chart(compared: Mapping[str, Mapping[str, Any]], title: str) -> Figure:
    """Differences of two networks on the same images, each with its 95 % interval.

    `compared` are the `differences` of `statistics.compare`, by the figure's name; those that are
    undefined are left out.
    """
    known = {name: row for name, row in compared.items() if row["difference"] is not None}
    figure = _figure(7, 1.6 + 0.32 * len(known), title)
    axes = figure.subplots()
    axes.axvline(0, color="grey", linewidth=0.8)
    for height, row in enumerate(known.values()):
        if row["interval"] is not None:
            axes.plot(row["interval"], [height, height], color=TRAIN)
        axes.plot(row["difference"], height, "o", color=TRAIN)
    axes.set_yticks(range(len(known)), [_short(name, 30) for name in known])
    axes.invert_yaxis()
    axes.set(xlabel="second minus first")
    _plain(axes)
    return figure


def setting_chart(
    lines: Mapping[str, Sequence[tuple[float, Sequence[float]]]],
    name: str,
    title: str,
    figure_name: str = "accuracy",
    highest: float = 1,
) -> Figure:
    """A figure of a sweep's members by a setting's value, and a line through their means.

    `lines` are, by what its line is called, the setting's values with the figures (0 to `highest`)
    of the members that have it; `name` is the setting. The axis is logarithmic where the values
    span a factor of ten.
    """
    figure, axes = _square(title)
    for number, (label, points) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        dash = DASHES[number // len(COLOURS) % len(DASHES)]
        values = [value for value, members in points for _ in members]
        dots = [member for _, members in points for member in members]
        axes.plot(values, dots, ".", color=colour, alpha=0.45)
        means = sorted((value, float(np.mean(members))) for value, members in points if members)
        axes.plot(*zip(*means, strict=True) if means else ((), ()), dash, color=colour, label=label)
    all_points = [point for points in lines.values() for point in points]
    values = [value for value, _ in all_points]
    if min(values) > 0 and max(values) >= 10 * min(values):
        axes.set_xscale("log")
    limits = _around((members for _, members in all_points), highest)
    axes.set(xlabel=name, ylabel=figure_name, ylim=limits)
    if len(lines) > 1:
        return _with_legend(figure, axes, "")
    _plain(axes)
    return figure


def _around(values: Iterable[Sequence[float]], highest: float) -> tuple[float, float]:
    """A range of figures from 0 to `highest` that holds these, at least 0.2 wide.

    Less would magnify chance.
    """
    known = [value for members in values for value in members] or [0, 1]
    low, high = min(known), max(known)
    wider = max(0.2 - (high - low), 0.04) / 2
    return max(low - wider, -0.01), min(high + wider, highest + 0.01)


def _one_against_others(
    labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]
) -> Iterator[tuple[np.ndarray, np.ndarray, str, dict[str, Any]]]:
    """Which images are of a class, its scores, its name and its line.

    Only of classes that occur, and not alone: for others no curve is defined.
    """
    for index, name in enumerate(classes):
        positive = labels == index
        if 0 < positive.sum() < len(labels):
            line = {
                "color": COLOURS[index % len(COLOURS)],
                "linestyle": DASHES[index % len(DASHES)],
                "linewidth": 1.6,
            }
            yield positive, probabilities[:, index], _short(name, 24), line


def _square(title: str) -> tuple[Figure, Axes]:
    figure = _figure(5, 5, title)
    axes = figure.subplots()
    axes.set_ylim(0, 1.02)
    return figure, axes


def _with_legend(figure: Figure, axes: Axes, what: str) -> Figure:
    _plain(axes)
    names = axes.get_legend_handles_labels()[1]
    if not names:
        axes.text(0.5, 0.4, "needs two classes", ha="center")
        return figure
    # Below the axes, so that it hides no curve however many classes there are.
    columns, size = (1, 10) if len(names) < 4 else (2, 7.5)
    figure.set_figheight(5.3 + size / 48 * -(-len(names) // columns))
    axes.legend(
        frameon=False, title=what, ncols=columns, fontsize=size, loc="upper center",
        bbox_to_anchor=(0.5, -0.13),
    )  # fmt: skip
    return figure


def _short(name: str, length: int = 18) -> str:
    # The middle goes: names often differ at their ends.
    half = (length - 1) // 2
    name = name if len(name) <= length else f"{name[:half]}…{name[-half:]}"
    # matplotlib leaves labels out of a legend if they begin with an underscore.
    return name.replace("$", r"\$") if not name.startswith("_") else f" {name}"


def _figure(width: float, height: float, title: str) -> Figure:
    # Figure without pyplot: no global state, no display needed.
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title.replace("$", r"\$"), fontsize=11)
    figure.supxlabel(DISCLAIMER, fontsize=7, color="grey")
    return figure


def _plain(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
