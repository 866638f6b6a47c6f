"""Every picture of a report, with what it shows in words."""

import base64
import io
import re
import struct
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from jaxcovid.report import charts, gallery, interval_charts, operating_charts, words
from jaxcovid.report.interval_charts import Row
from jaxcovid.report.points import reached_points
from jaxcovid.report.svg import inline_svg
from jaxcovid.report.tables import difference_name, in_order
from jaxcovid.results import FLOORS, Audit, Measured, Results, Training
from jaxcovid.statistics.weighted_metrics import placements

LARGE = 520  # pixels of a page


class Picture(NamedTuple):
    """A PNG file's bytes, and what it shows in words, for who cannot see it.

    Of a chart also the `<svg>` element that a page shows in its place, and a line for below it.
    """

    content: bytes
    alt: str
    svg: str = ""
    caption: str = ""

    @property
    def base64(self) -> str:
        """The content in Base64, as a page embeds it."""
        return base64.b64encode(self.content).decode()

    @property
    def is_large(self) -> bool:
        """Whether it is a chart too large to be read if others stand beside it."""
        width = re.search(r'width="(\d+)"', self.svg)
        return width is not None and int(width[1]) > LARGE

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

    Curves and augmented images of a run; sensitivity and specificity of each class on the main
    split; of every labelled split a confusion matrix, and but for the training images of a run
    three charts more; those of an audit; two pictures of every example.
    """
    if results.training is not None:
        yield from training_pictures(results.training, results.title)
    if results.seen is not None:
        names = [*results.seen.shares][: len(results.seen.images)]
        alt = f"A whole image of {', of '.join(names)}: framed what is seen"
        yield "seen", Picture(gallery.png(gallery.framed(results.seen.images)), alt)
    if (metrics := results.splits[results.main].metrics) is not None:
        yield "classes", _of_classes(metrics, results)
        yield "referral", _referral(results.splits[results.main], results)
    for name, split in in_order(results.splits).items():
        if split.metrics is not None:
            yield from _of_split(results, name, split, split.metrics)
    if results.audit is not None:
        yield from audit_pictures(results.audit)
    yield from _of_examples(results)


def training_pictures(training: Training, title: str) -> Iterator[tuple[str, Picture]]:
    """The curves of training, and a batch of its images, each after its name below plots/."""
    for name in ("loss", "accuracy"):
        rows = [epoch._asdict() for epoch in training.history]
        figure = charts.learning_curve(rows, name, title, training.chosen.epoch)
        yield name, chart_picture(figure, _curve_alt(training, name), "")
    mosaic = gallery.mosaic(training.views, columns=4)
    alt = f"{len(training.views)} training images as the network sees them"
    yield "training_views", Picture(gallery.png(mosaic), alt)


def comparison_picture(
    first: Results, second: Results, compared: Mapping[str, Any]
) -> tuple[str, Picture]:
    """The chart of the differences of two networks, after its name below plots/.

    `compared` is what `statistics.compare` found of them.
    """
    differences = {difference_name(name): row for name, row in compared["differences"].items()}
    title = f"{second.title}\nminus {first.title}"
    figure = interval_charts.difference_chart(differences, title)
    listed = "; ".join(
        f"{name} {row['difference']:+.3f}"
        for name, row in differences.items()
        if row["difference"] is not None
    )
    return "differences", chart_picture(figure, f"Differences with their intervals: {listed}", "")


def audit_pictures(audit: Audit) -> Iterator[tuple[str, Picture]]:
    """Charts of the floors and of the learning curve, pictures of pairs and of doubtful labels.

    Each after its name below plots/.
    """
    floor = audit.checks.get("blind_floor", {})
    rows = [
        _floor_row(name.partition(" (")[0], floor[key])
        for key, name in FLOORS.items()
        if floor_auroc(floor.get(key)) is not None
    ]
    network = None
    if floor_auroc(floor.get("network")) is not None:
        network = _floor_row("the network", floor["network"])
    if rows:
        listed = "; ".join(f"{row.name} {row.value:.3f}" for row in (*rows, network) if row)
        title = "Macro AUROC without the lungs"
        figure = interval_charts.floor_chart(rows, network, title)
        yield "floors", chart_picture(figure, f"{title}: {listed}", "")
    pairs = audit.checks.get("duplicates", {}).get("found", ())
    for number, (pair, pictures) in enumerate(zip(pairs, audit.pictures, strict=False)):
        for side, pixels in zip(("one", "other"), pictures, strict=True):
            alt = f"The X-ray {pair[side]['path']}"
            yield f"duplicate_{number}_{side}", Picture(gallery.png(gallery.xray(pixels)), alt)
    curve = audit.checks.get("sample_size", {}).get("curve")
    if curve is not None:
        title = "Macro AUROC by training patients"
        figure = interval_charts.patients_chart(curve, title)
        listed = "; ".join(
            f"{point['patients']:.0f} patients {point['auroc']['value']:.3f}"
            for point in curve["points"]
        )
        yield "learning_curve", chart_picture(figure, f"{title}: {listed}", "")
    doubts = audit.checks.get("labels", {}).get("found", ())
    for number, (row, pixels) in enumerate(zip(doubts, audit.doubted, strict=False)):
        picture = Picture(gallery.png(gallery.xray(pixels)), f"The X-ray {row['path']}")
        yield f"doubted_{number}", picture


def floor_auroc(floor: Mapping[str, Any] | None) -> float | None:
    """The AUROC of a floor or network of an audit, if it is known."""
    figure = (floor or {}).get("auroc")
    return None if figure is None else figure["value"]


def _floor_row(name: str, floor: Mapping[str, Any]) -> Row:
    figure = floor["auroc"]
    return Row(name, figure["value"], words.ends(figure))


def _of_classes(metrics: Mapping[str, Any], results: Results) -> Picture:
    intervals = metrics["intervals"]["per_class"]
    rows = {
        words: [
            Row(name, values[key], intervals[name].get(key))
            for name, values in metrics["per_class"].items()
        ]
        for words, key in (("sensitivity", "recall"), ("specificity", "specificity"))
    }
    figure = interval_charts.class_chart(rows, f"{results.title}\n{words.split_name(results.main)}")
    listed = "; ".join(
        f"{name}: {', '.join(_known(figures[number]) for figures in rows.values())}"
        for number, name in enumerate(metrics["per_class"])
    )
    return chart_picture(figure, f"Sensitivity and specificity, {results.main}: {listed}", "")


def _known(row: Row) -> str:
    return "undefined" if row.value is None else f"{row.value:.3f}"


def _of_split(
    results: Results, name: str, split: Measured, metrics: Mapping[str, Any]
) -> Iterator[tuple[str, Picture]]:
    labels, probabilities, classes = split.labels, split.probabilities, results.classes
    shown, matrix = words.split_name(name), metrics["confusion_matrix"]
    title = f"{results.title}\n{shown}"
    right = f"{metrics['accuracy']:.1%} of {metrics['examples']} correct"
    counts = "; ".join(
        f"of {sum(row)} {label}, {row[index]} right"
        for index, (label, row) in enumerate(zip(classes, matrix, strict=True))
    )
    figure = charts.confusion_chart(matrix, classes, f"{title}: {right}")
    alt = f"Confusion matrix, {shown}: {counts}"
    yield f"confusion_{name}", chart_picture(figure, alt, f"{shown}: {right}")
    if name == "train" and results.of_own_run:  # memory, mostly
        return

    def areas(key: str) -> str:
        known = {label: values[key] for label, values in metrics["per_class"].items()}
        return ", ".join(
            f"{label} {'undefined' if value is None else format(value, '.3f')}"
            for label, value in known.items()
        )

    of_classes = metrics["intervals"]["per_class"]
    folds = results.fold_of
    figure = operating_charts.roc_chart(
        labels,
        probabilities if folds is None else placements(labels, probabilities, folds),
        classes,
        title if folds is None else f"{title}, ranked within each fold",
        areas={label: values["auroc"] for label, values in metrics["per_class"].items()},
        intervals={label: ends.get("auroc") for label, ends in of_classes.items()},
        patients=split.patients,
        points=_marks(metrics),
    )  # fmt: skip
    alt = f"ROC curves, {shown}; areas: {areas('auroc')}"
    yield (
        f"roc_{name}",
        chart_picture(figure, alt, f"{shown}: receiver operating characteristic"),
    )
    if folds is None:  # precision across networks is no single one's
        figure = operating_charts.precision_recall_chart(
            labels, probabilities, classes, title,
            intervals={label: ends.get("auprc") for label, ends in of_classes.items()},
        )  # fmt: skip
        alt = f"Precision-recall curves, {shown}; areas: {areas('auprc')}"
        yield (
            f"precision_recall_{name}",
            chart_picture(figure, alt, f"{shown}: precision and recall"),
        )
    if folds is None:
        yield from _net_benefits(split, metrics, title, name)
    figure = operating_charts.reliability_chart(labels, probabilities, title)
    alt = f"Reliability plot, {shown}; calibration error {metrics['ece']:.3f}"
    yield (
        f"reliability_{name}",
        chart_picture(figure, alt, f"{shown}: reliability"),
    )


def _net_benefits(
    split: Measured, metrics: Mapping[str, Any], title: str, name: str
) -> Iterator[tuple[str, Picture]]:
    """A decision curve of each class of which an operating point was asked for."""
    for number, label in enumerate(metrics["per_class"]):
        if label not in _marks(metrics):
            continue
        figure = operating_charts.net_benefit_chart(
            split.labels == number, split.probabilities[:, number], title, patients=split.patients
        )
        shown = f"{words.split_name(name)}: net benefit of calling {words.quoted(label)}"
        alt = f"{shown}, by the probability from which on it is called"
        share = 100 * metrics["per_class"][label]["support"] / metrics["examples"]
        caption = (
            f"{shown}: hits less false alarms, which count as the odds of that probability say. "
            f"Where {share:.0f} % are of the class, as here, it helps where it is above calling "
            "all and none"
        )
        yield f"net_benefit_{name}_{number}", chart_picture(figure, alt, caption)


def _marks(metrics: Mapping[str, Any]) -> dict[str, list[tuple[float, float]]]:
    """Sensitivity and specificity of each class at the operating points that were asked for."""
    marks: dict[str, list[tuple[float, float]]] = {}
    for point in reached_points(metrics):
        if point.sensitivity is not None and point.specificity is not None:
            marks.setdefault(point.name, []).append((point.sensitivity, point.specificity))
    return marks


def _referral(split: Measured, results: Results) -> Picture:
    shown = words.split_name(results.main)
    title = f"{results.title}\n{shown}"
    figure = operating_charts.referral_chart(
        split.labels, split.probabilities, title, patients=split.patients
    )
    alt = f"Accuracy of the {shown} images that are left, by the share of the least sure referred"
    caption = "Band: 95 % of resamples of patients at each point; grey: accuracy of all images"
    return chart_picture(figure, alt, caption)


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


def chart_picture(figure: Figure, alt: str, caption: str | None = None) -> Picture:
    """A chart as a picture; `alt` says what it shows.

    `caption` is the line below it in a page, which shows no titles; without, its title.
    """
    title = figure.get_suptitle().replace(r"\$", "$")
    content = picture_bytes(figure)
    return Picture(content, alt, inline_svg(figure, alt), title if caption is None else caption)


def picture_bytes(figure: Figure) -> bytes:
    """A chart as a PNG file of 160 dots per inch, the same bytes for the same chart."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The page's text has the names that the charts' font lacks.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(buffer, format="png", dpi=160, metadata={"Software": None})
    return buffer.getvalue()


def _curve_alt(training: Training, name: str) -> str:
    history = training.history

    def course(split: str) -> str:
        first, last = (getattr(epoch, f"{split}_{name}") for epoch in (history[0], history[-1]))
        return f"{split} {name} goes from {first:.3f} to {last:.3f}"

    measured = f"; measured after epoch {training.chosen.epoch}"
    return f"Over {len(history)} epoch(s) {course('train')}, {course('validation')}{measured}"
