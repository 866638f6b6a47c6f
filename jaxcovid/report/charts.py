"""Charts of training and of counts: learning curves, confusion matrices, a sweep's settings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from jaxcovid.report.drawing import (
    COLOURS,
    DASHES,
    INK,
    PAPER,
    SOFT,
    TRAIN,
    VALIDATION,
    new_figure,
    plain,
    short_name,
    square,
    with_legend,
)


def learning_curve(
    history: Sequence[Mapping[str, Any]], name: str, title: str, chosen: int | None = None
) -> Figure:
    """Loss or accuracy by epoch, training and validation on one axis.

    `history` are the columns of history.csv, a row for each epoch; `name` is "loss" or "accuracy".
    A line marks the epoch `chosen`, unless that is the last.
    """
    figure = new_figure(4, 2.5, title)
    axes = figure.subplots()
    epochs = [row["epoch"] for row in history]
    for split, colour, marker in (("train", TRAIN, "o"), ("validation", VALIDATION, "s")):
        values = [row[f"{split}_{name}"] for row in history]
        axes.plot(epochs, values, color=colour, marker=marker, markersize=4, label=split)
    if chosen is not None and chosen != epochs[-1]:
        axes.axvline(chosen, color=SOFT, linestyle=":", label="measured here")
    axes.set(xlabel="epoch", ylabel=name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(epochs) == 1:
        axes.set_xticks(epochs)
    # Room above the highest, as a share of the axis from 0 on.
    axes.update_datalim([(epochs[0], 0)])
    axes.margins(y=0.08)
    axes.set_ylim(0, 1.02 if name == "accuracy" else None)
    axes.legend(frameon=False)
    plain(axes)
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
    figure = new_figure(4, 3.3, title)
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
    plain(axes)
    return figure


def confusion_chart(matrix: Sequence[Sequence[int]], classes: Sequence[str], title: str) -> Figure:
    """A confusion matrix: counts as numbers, their shares of the true class as shade.

    Rows of the matrix are true classes, columns the predicted ones, in the order of `classes`.
    """
    counts = np.array(matrix)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    names = [short_name(name) for name in classes]
    side, room = 0.62 * len(classes), 0.08 * max(map(len, names))
    figure = new_figure(side + 0.8 + room, side + 0.9 + room / 2, title)
    axes = figure.subplots()
    axes.set_xticks(range(len(classes)), names, rotation=30, ha="right")
    axes.set_yticks(range(len(classes)), names)
    axes.set(xlabel="predicted", ylabel="true")
    axes.set(xlim=(-0.5, len(classes) - 0.5), ylim=(len(classes) - 0.5, -0.5))
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        cell = (column - 0.5, row - 0.5)
        axes.add_patch(Rectangle(cell, 1, 1, facecolor=TRAIN, alpha=share, edgecolor="none"))
        colour = PAPER if share > 0.6 else INK
        text = f"{count}\n{share:.0%}"
        axes.text(column, row, text, ha="center", va="center", color=colour)
    plain(axes)
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
    figure, axes = square(title)
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
        return with_legend(figure, axes, "")
    plain(axes)
    return figure


def _around(values: Iterable[Sequence[float]], highest: float) -> tuple[float, float]:
    """A range of figures from 0 to `highest` that holds these, at least 0.2 wide.

    Less would magnify chance.
    """
    known = [value for members in values for value in members] or [0, 1]
    low, high = min(known), max(known)
    wider = max(0.2 - (high - low), 0.04) / 2
    return max(low - wider, -0.01), min(high + wider, highest + 0.01)
