"""Every picture of a report, with what it shows in words."""

import base64
import io
import struct
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from jaxcovid.report import charts, gallery
from jaxcovid.results import Epoch, Measured, Results


class Picture(NamedTuple):
    """A PNG file's bytes, and what it shows in words, for who cannot see it."""

    content: bytes
    alt: str

    @property
    def base64(self) -> str:
        """The content in Base64, as a page embeds it."""
        return base64.b64encode(self.content).decode()

    @property
    def width(self) -> int:
        """How many pixels wide it is, as the file's header says."""
        return struct.unpack(">I", self.content[16:20])[0]

    @property
    def height(self) -> int:
        """How many pixels high it is, as the file's header says."""
        return struct.unpack(">I", self.content[20:24])[0]


def run_pictures(results: Results) -> Iterator[tuple[str, Picture]]:
    """Every picture of a network's results, one drawn after another, with its name below plots/.

    Curves and augmented images of a run; of every labelled split a confusion matrix, and but for
    the training images of a run three charts more; two pictures of every example.
    """
    training = results.training
    if training is not None:
        for name in ("loss", "accuracy"):
            figure = charts.learning_curve(
                [epoch._asdict() for epoch in training.history], name, results.title
            )
            yield name, chart_picture(figure, _curve_alt(training.history, name))
        mosaic = gallery.mosaic(training.views, columns=4)
        alt = f"{len(training.views)} training images as the network sees them"
        yield "training_views", Picture(gallery.png(mosaic), alt)
    for name, split in results.splits.items():
        if split.metrics is not None:
            yield from _of_split(results, name, split, split.metrics)
    yield from _of_examples(results)


def comparison_picture(
    first: Results, second: Results, compared: Mapping[str, Any]
) -> tuple[str, Picture]:
    """The chart of the differences of two networks, after its name below plots/.

    `compared` is what `statistics.compare` found of them.
    """
    differences = compared["differences"]
    figure = charts.difference_chart(differences, f"{second.title}\nminus {first.title}")
    listed = "; ".join(
        f"{name.replace('_', ' ')} {row['difference']:+.3f}"
        for name, row in differences.items()
        if row["difference"] is not None
    )
    return "differences", chart_picture(figure, f"Differences with their intervals: {listed}")


def _of_split(
    results: Results, name: str, split: Measured, metrics: Mapping[str, Any]
) -> Iterator[tuple[str, Picture]]:
    labels, probabilities, classes = split.labels, split.probabilities, results.classes
    title, matrix = f"{results.title}\n{name}", metrics["confusion_matrix"]
    right = f"{metrics['accuracy']:.1%} of {metrics['examples']} correct"
    counts = "; ".join(
        f"of {sum(row)} {label}, {row[index]} right"
        for index, (label, row) in enumerate(zip(classes, matrix, strict=True))
    )
    figure = charts.confusion_chart(matrix, classes, f"{title}: {right}")
    yield f"confusion_{name}", chart_picture(figure, f"Confusion matrix, {name}: {counts}")
    if name == "train" and results.training is not None:  # memory, mostly
        return

    def areas(key: str) -> str:
        known = {label: values[key] for label, values in metrics["per_class"].items()}
        return ", ".join(
            f"{label} {'undefined' if value is None else format(value, '.3f')}"
            for label, value in known.items()
        )

    figure = charts.roc_chart(labels, probabilities, classes, title)
    yield f"roc_{name}", chart_picture(figure, f"ROC curves, {name}; areas: {areas('auroc')}")
    figure = charts.precision_recall_chart(labels, probabilities, classes, title)
    alt = f"Precision-recall curves, {name}; areas: {areas('auprc')}"
    yield f"precision_recall_{name}", chart_picture(figure, alt)
    figure = charts.reliability_chart(labels, probabilities, title)
    alt = f"Reliability plot, {name}; calibration error {metrics['ece']:.3f}"
    yield f"reliability_{name}", chart_picture(figure, alt)


def _of_examples(results: Results) -> Iterator[tuple[str, Picture]]:
    split = results.splits[results.main]
    for number, example in enumerate(results.examples):
        path = split.paths[example.place]
        predicted = results.classes[int(split.probabilities[example.place].argmax())]
        alt = f"The X-ray {path} as the network sees it"
        yield f"example_{number}", Picture(gallery.png(gallery.xray(example.pixels)), alt)
        heat = gallery.png(gallery.overlay(example.pixels, example.heat))
        alt = f"Heat map over {path}: what speaks for {predicted}"
        yield f"example_{number}_grad_cam", Picture(heat, alt)


def chart_picture(figure: Figure, alt: str) -> Picture:
    """A chart as a picture; `alt` says what it shows."""
    return Picture(picture_bytes(figure), alt)


def picture_bytes(figure: Figure) -> bytes:
    """A chart as a PNG file of 120 dots per inch, the same bytes for the same chart."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The page's text has the names that the charts' font lacks.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    return buffer.getvalue()


def _curve_alt(history: Sequence[Epoch], name: str) -> str:
    def course(split: str) -> str:
        first, last = (getattr(epoch, f"{split}_{name}") for epoch in (history[0], history[-1]))
        return f"{split} {name} goes from {first:.3f} to {last:.3f}"

    return f"Over {len(history)} epoch(s) {course('train')}, {course('validation')}"
