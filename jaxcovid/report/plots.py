"""Pictures of a run: curves and confusion matrices."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from jaxcovid.report import DISCLAIMER

TRAIN, VALIDATION = "#1b6ca8", "#c8552b"  # told apart also without colour vision


def curves(history: Sequence[Mapping[str, Any]], title: str) -> Figure:
    """Loss and accuracy by epoch, training and validation on one axis each."""
    figure = _figure(9, 4, title)
    epochs = [row["epoch"] for row in history]
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for split, colour, marker in (("train", TRAIN, "o"), ("validation", VALIDATION, "s")):
            values = [row[f"{split}_{name}"] for row in history]
            axes.plot(epochs, values, color=colour, marker=marker, markersize=4, label=split)
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylim(0, 1.02 if name == "accuracy" else None)
        axes.legend(frameon=False)
        _plain(axes)
    return figure


def confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str], title: str) -> Figure:
    """Counts, and shares of the true class as shade; rows are true classes."""
    counts = np.array(matrix)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = 2.6 + 0.75 * len(classes)
    figure = _figure(side + 0.6, side, title)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [name if len(name) <= 18 else f"{name[:17]}…" for name in classes]
    names = [name.replace("$", r"\$") for name in names]
    axes.set_xticks(range(len(classes)), names, rotation=30, ha="right")
    axes.set_yticks(range(len(classes)), names)
    axes.set(xlabel="predicted", ylabel="true")
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.55 else "black"
        text = f"{count}\n{shares[row, column]:.0%}"
        axes.text(column, row, text, ha="center", va="center", color=colour)
    _plain(axes)
    return figure


def _figure(width: float, height: float, title: str) -> Figure:
    # Figure without pyplot: no global state, no display needed.
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title.replace("$", r"\$"), fontsize=11)
    figure.supxlabel(DISCLAIMER, fontsize=7, color="grey")
    return figure


def _plain(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
