"""Every picture of a report, with what it shows in words."""

import base64
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from jaxcovid.report import charts, gallery
from jaxcovid.results import Epoch, Measured, Results
from jaxcovid.runs import files


class Picture(NamedTuple):
    """A PNG, and what it shows in words."""

    content: bytes
    alt: str

    @property
    def base64(self) -> str:
        """As a page embeds it."""
        return base64.b64encode(self.content).decode()

    @property
    def width(self) -> int:
        """In pixels, as the file's header says."""
        return struct.unpack(">I", self.content[16:20])[0]

    @property
    def height(self) -> int:
        """In pixels."""
        return struct.unpack(">I", self.content[20:24])[0]


def pictures(results: Results) -> Iterator[tuple[str, Picture]]:
    """The pictures one after another, each with its name below plots/."""
    training = results.training
    if training is not None:
        for name in ("loss", "accuracy"):
            figure = charts.curve(
                [epoch._asdict() for epoch in training.history], name, results.title
            )
            yield name, drawn(figure, _curve_alt(training.history, name))
        mosaic = gallery.mosaic(training.views, columns=4)
        alt = f"{len(training.views)} training images as the network sees them"
        yield "training_views", Picture(gallery.png(mosaic), alt)
    for name, each in results.splits.items():
        if each.metrics is not None:
            yield from _of_split(results, name, each, each.metrics)
    yield from _of_examples(results)


def comparison_picture(
    first: Results, second: Results, compared: Mapping[str, Any]
) -> tuple[str, Picture]:
    """The differences of two networks, with its name."""
    differences = compared["differences"]
    figure = charts.differences(differences, f"{second.title}\nminus {first.title}")
    listed = "; ".join(
        f"{name.replace('_', ' ')} {each['difference']:+.3f}"
        for name, each in differences.items()
        if each["difference"] is not None
    )
    return "differences", drawn(figure, f"Differences with their intervals: {listed}")


def _of_split(
    results: Results, name: str, each: Measured, metrics: Mapping[str, Any]
) -> Iterator[tuple[str, Picture]]:
    labels, probabilities, classes = each.split.labels, each.probabilities, results.classes
    title, matrix = f"{results.title}\n{name}", metrics["confusion_matrix"]
    right = f"{metrics['accuracy']:.1%} of {metrics['examples']} correct"
    counts = "; ".join(
        f"of {sum(row)} {label}, {row[index]} right"
        for index, (label, row) in enumerate(zip(classes, matrix, strict=True))
    )
    figure = charts.confusion(matrix, classes, f"{title}: {right}")
    yield f"confusion_{name}", drawn(figure, f"Confusion matrix, {name}: {counts}")
    if name == "train" and results.training is not None:  # memory, mostly
        return

    def areas(key: str) -> str:
        known = {label: values[key] for label, values in metrics["per_class"].items()}
        return ", ".join(
            f"{label} {'undefined' if value is None else format(value, '.3f')}"
            for label, value in known.items()
        )

    figure = charts.roc(labels, probabilities, classes, title)
    yield f"roc_{name}", drawn(figure, f"ROC curves, {name}; areas: {areas('auroc')}")
    figure = charts.precision_recall(labels, probabilities, classes, title)
    alt = f"Precision-recall curves, {name}; areas: {areas('auprc')}"
    yield f"precision_recall_{name}", drawn(figure, alt)
    figure = charts.reliability(labels, probabilities, title)
    alt = f"Reliability plot, {name}; calibration error {metrics['ece']:.3f}"
    yield f"reliability_{name}", drawn(figure, alt)


def _of_examples(results: Results) -> Iterator[tuple[str, Picture]]:
    shown = results.splits[results.main]
    for number, example in enumerate(results.examples):
        (pixels,) = shown.split.evaluation[np.array([example.place])]
        path = shown.split.paths[example.place]
        predicted = results.classes[int(shown.probabilities[example.place].argmax())]
        alt = f"The X-ray {path} as the network sees it"
        yield f"example_{number}", Picture(gallery.png(gallery.xray(pixels)), alt)
        heat = gallery.png(gallery.overlay(pixels, example.heat))
        alt = f"Heat map over {path}: what speaks for {predicted}"
        yield f"example_{number}_grad_cam", Picture(heat, alt)


def drawn(figure: Figure, alt: str) -> Picture:
    """A chart as a picture."""
    return Picture(files.picture_bytes(figure), alt)


def _curve_alt(history: Sequence[Epoch], name: str) -> str:
    def course(split: str) -> str:
        first, last = (getattr(epoch, f"{split}_{name}") for epoch in (history[0], history[-1]))
        return f"{split} {name} goes from {first:.3f} to {last:.3f}"

    return f"Over {len(history)} epoch(s) {course('train')}, {course('validation')}"
