"""Charts of figures with their intervals: a row for each figure, a dot and a line in it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from jaxcovid.report.drawing import INK, SOFT, TRAIN, VALIDATION, new_figure, plain, short_name

# So many times the most patients a law is drawn.
FARTHEST = 4

# The AUROC of guessing; words at lines nearer to each other than that would overlap.
GUESSING, NEAR = 0.5, 0.2


class Row(NamedTuple):
    """A figure, if it is defined, with the ends of its 95 % interval, if it has one."""

    name: str
    value: float | None
    interval: Sequence[float] | None


def floor_chart(floors: Sequence[Row], network: Row | None, title: str) -> Figure:
    """How far a classifier comes without the lungs: AUROC of each floor, with its interval.

    The network's is a line down the chart, with its interval as a band.
    """
    figure = new_figure(4.5, 1.1 + 0.36 * len(floors), title)
    axes = figure.subplots()
    axes.axvline(GUESSING, color=SOFT, linewidth=0.8, linestyle=":")
    sides = "center", "center"
    if network is not None and network.value is not None:
        if network.interval is not None:
            axes.axvspan(*network.interval, color=TRAIN, alpha=0.16, linewidth=0)
        axes.axvline(network.value, color=TRAIN, linewidth=1.6)
        if abs(network.value - GUESSING) < NEAR:
            sides = ("right", "left") if network.value >= GUESSING else ("left", "right")
        axes.text(network.value, -0.75, network.name, ha=sides[1], fontsize=9, color=TRAIN)
    axes.text(GUESSING, -0.75, "guessing", ha=sides[0], fontsize=9, color=SOFT)
    _draw(axes, floors, VALIDATION)
    rows = [*floors, *([] if network is None else [network])]
    ends = [end for row in rows for end in (row.value, *(row.interval or ())) if end is not None]
    axes.set(xlabel="macro AUROC", xlim=(max(0, min([0.4, *ends]) - 0.02), 1.02))
    axes.set_ylim(len(floors) - 0.5, -1.1)
    return figure


def patients_chart(curve: Mapping[str, Any], title: str) -> Figure:
    """The area by the number of training patients, with intervals, and the law through it.

    `curve` is as in audit.json. Beyond the most patients the law is dashed.
    """
    figure = new_figure(4.5, 2.8, title)
    axes = figure.subplots()
    points = curve["points"]
    patients = np.array([point["patients"] for point in points])
    for count, point in zip(patients, points, strict=True):
        area = point["auroc"]
        axes.plot([count] * 2, [area["low"], area["high"]], color=TRAIN, alpha=0.35, linewidth=5)
        axes.plot([count] * len(point["draws"]), point["draws"], ".", color=SOFT, markersize=4)
    axes.plot(patients, [point["auroc"]["value"] for point in points], "o", color=TRAIN)
    if (law := curve["law"]) is not None:
        most = patients.max()
        for reach, style in (((patients.min(), most), "-"), ((most, FARTHEST * most), "--")):
            counts = np.geomspace(*reach, 40)
            areas = 1 - law["floor"] - law["factor"] * counts ** -law["exponent"]
            axes.plot(counts, areas, style, color=VALIDATION, linewidth=1.4)
    axes.set_xscale("log", base=2)
    axes.set_xticks(patients, [f"{count:,.0f}" for count in patients])
    axes.set_xticks([], minor=True)
    axes.set(xlabel="training patients", ylabel="macro AUROC")
    plain(axes)
    return figure


def class_chart(rows: Mapping[str, Sequence[Row]], title: str) -> Figure:
    """Figures of each class, such as sensitivity and specificity, with their intervals.

    `rows` are of the classes in order, by what the figure is called.
    """
    classes = [row.name for row in next(iter(rows.values()))]
    figure = new_figure(4.5, 1 + 0.38 * len(classes), title)
    axes = figure.subplots()
    for number, (name, of_classes) in enumerate(rows.items()):
        colour, marker = ((TRAIN, "o"), (VALIDATION, "s"))[number]
        label = name
        for height, row in enumerate(of_classes):
            place = height - 0.14 + 0.28 * number
            if row.interval is not None:
                axes.plot(row.interval, [place] * 2, color=colour, alpha=0.35, linewidth=5)
            if row.value is not None:
                axes.plot(row.value, place, marker, color=colour, markersize=5, label=label)
                label = "_" + name  # a legend lists it once
    axes.set_yticks(range(len(classes)), [short_name(name, 24) for name in classes])
    axes.set(xlim=(-0.02, 1.02), ylim=(len(classes) - 0.5, -0.5))
    below = -0.2 / (0.4 + 0.38 * len(classes))  # as a share of the axes' height
    if any(row.value is not None for of_classes in rows.values() for row in of_classes):
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, below)}
        axes.legend(frameon=False, fontsize=9, ncols=2, **place)
    plain(axes)
    return figure


def difference_chart(compared: Mapping[str, Mapping[str, Any]], title: str) -> Figure:
    """Differences of two networks on the same images, each with its 95 % interval.

    `compared` are the `differences` of `statistics.compare`, by the figure's name in words; those
    that are undefined are left out.
    """
    rows = [
        Row(name, row["difference"], row["interval"])
        for name, row in compared.items()
        if row["difference"] is not None
    ]
    figure = new_figure(6.4, 1.1 + 0.27 * len(rows), title)
    axes = figure.subplots()
    axes.axvline(0, color=SOFT, linewidth=0.8)
    _draw(axes, rows, TRAIN)
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.set(xlabel="second minus first")
    return figure


def _draw(axes: Any, rows: Sequence[Row], colour: str) -> None:
    for height, row in enumerate(rows):
        if row.interval is not None:
            axes.plot(row.interval, [height] * 2, color=colour, alpha=0.4, linewidth=5)
        axes.plot(row.value, height, "o", color=colour, markersize=5)
    axes.set_yticks(range(len(rows)), [short_name(row.name, 34) for row in rows], color=INK)
    plain(axes)
