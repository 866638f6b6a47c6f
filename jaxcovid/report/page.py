"""report.html: one self-contained page about a network's results."""

import base64
import functools
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jinja2
import numpy as np

from jaxcovid.report import DISCLAIMER
from jaxcovid.report.gallery import EACH
from jaxcovid.report.results import Measured, Results, Training, cautions
from jaxcovid.report.text import NORMS, comparison_verdict, mcnemar, verdict

# Each with its title and the content or picture without which it is left out.
SECTIONS = {
    "comparison": ("The two networks compared", "comparison"),
    "plan": ("What was trained, what was frozen", "plan"),
    "curves": ("Loss and accuracy while training", "loss"),
    "confusion": ("Confusion matrices", "confusions"),
    "operating": ("ROC and precision-recall curves", "operating"),
    "reliability": ("Are its probabilities to be believed?", "reliabilities"),
    "figures": ("All figures", "per_class"),
    "examples": ("Best and worst images of each class", "examples"),
    "misclassified": ("Every misclassified image", "misclassified"),
    "views": ("Training images as the network sees them", "training_views"),
    "settings": ("Settings, versions, data, warnings", "settings"),
}

CONTENT = (
    "title", "verdict", "tiles", "interval_note", "cautions", "comparison", "plan", "confusions",
    "operating", "reliabilities", "overall", "per_class", "undefined", "examples", "examples_note",
    "misclassified", "settings",
)  # fmt: skip

OVERALL = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_precision": "macro precision",
    "macro_recall": "macro sensitivity",
    "macro_specificity": "macro specificity",
    "macro_f1": "macro F1",
    "mcc": "Matthews correlation",
    "auroc": "macro AUROC",
    "auprc": "macro AUPRC",
    "ece": "calibration error (ECE)",
    "brier": "Brier score",
}

PER_CLASS = {
    "precision": "precision (PPV)",
    "recall": "sensitivity",
    "specificity": "specificity",
    "npv": "NPV",
    "f1": "F1",
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "threshold_90": "threshold for 90 % specificity*",
    "sensitivity_at_90": "sensitivity there (90 %)",
    "specificity_at_90": "specificity there (90 %)",
    "threshold_95": "threshold for 95 % specificity*",
    "sensitivity_at_95": "sensitivity there (95 %)",
    "specificity_at_95": "specificity there (95 %)",
}

TILES = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")

MISSING = "—"


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


def page(results: Results, pictures: Mapping[str, Picture]) -> str:
    """The page's HTML. `pictures` are those of `pictures.pictures`, by name."""
    labelled = {name: each for name, each in results.splits.items() if each.metrics is not None}
    measured = results.splits[results.main]

    def of_splits(kind: str) -> list[str]:
        return [f"{kind}_{name}" for name in labelled if f"{kind}_{name}" in pictures]

    return _rendered(
        title=results.title,
        verdict=verdict(results),
        tiles=_tiles(measured.metrics),
        interval_note=_interval_note(measured.metrics),
        cautions=cautions(results),
        pictures=pictures,
        plan=_plan(results.training) if results.training is not None else None,
        confusions=of_splits("confusion"),
        operating=[*zip(of_splits("roc"), of_splits("precision_recall"), strict=True)],
        reliabilities=of_splits("reliability"),
        overall=_overall(labelled),
        per_class=_per_class(results, labelled),
        undefined=list(_undefined(labelled)),
        examples=_examples(results),
        examples_note=(
            f"Of the {results.main} images, the {EACH} with the highest and the {EACH} with the "
            "lowest probability of their true class. Beside each, where the network saw what "
            "speaks for the class that it predicts (Grad-CAM; red most, uncoloured least)."
        ),
        misclassified=_misclassified(labelled),
        settings=list(_settings(results)),
    )


def comparison_page(
    first: Results,
    second: Results,
    compared: Mapping[str, Any],
    pictures: Mapping[str, Picture],
) -> str:
    """The page of two networks on the same images; each has a page of its own besides."""
    rows = [
        [
            name.replace("_", " "),
            *(f"{each[side]:.3f}" for side in ("first", "second")),
            {
                "value": f"{each['difference']:+.3f}",
                "interval": _range(each["interval"]) if each["interval"] else "",
            },
            MISSING if each["p_value"] is None else f"{each['p_value']:.3f}",
        ]
        for name, each in compared["differences"].items()
        if each["difference"] is not None
    ]
    return _rendered(
        title=f"{first.title} (first), {second.title} (second)",
        verdict=comparison_verdict(first, second, compared),
        interval_note=_interval_note(compared),
        cautions=[*dict.fromkeys([*cautions(first), *cautions(second)])],
        pictures=pictures,
        comparison={
            "mcnemar": mcnemar(compared),
            "table": {
                "caption": "Paired: both networks on the same images, in every resample.",
                "title": "Differences",
                "header": ["figure", "first", "second", "difference", "p"],
                "rows": rows,
            },
        },
        settings=[
            *_settings(first),
            *(table for table in _settings(second) if table["title"].startswith("The run")),
        ],
    )


def _rendered(pictures: Mapping[str, Picture], **content: Any) -> str:
    """The template filled in; what is not given is left out, with its section."""
    content = dict.fromkeys(CONTENT) | content
    shown = {
        name: bool(content[needed]) if needed in content else needed in pictures
        for name, (_, needed) in SECTIONS.items()
    }
    sections = [
        {"id": name, "title": title} for name, (title, _) in SECTIONS.items() if shown[name]
    ]
    return _template().render(
        content, pictures=pictures, sections=sections, shown=shown, disclaimer=DISCLAIMER
    )


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("jaxcovid.report", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template("page.html")


def _tiles(metrics: Mapping[str, Any] | None) -> list[dict[str, str]]:
    if metrics is None:
        return []
    return [
        {"name": OVERALL[name], **_cell(metrics[name], metrics["intervals"][name])}
        for name in TILES
    ]


def _interval_note(metrics: Mapping[str, Any] | None) -> str:
    if metrics is None:
        return ""
    what = (
        "patients, all images of one together"
        if metrics["patients"] is not None
        else "images, as if each were of another patient"
    )
    return (
        f"Below each figure its 95 % interval: from a bootstrap over {what}; or exact binomial, "
        "where every resample is alike."
    )


def _column(name: str, measured: Measured) -> str:
    metrics = measured.metrics
    assert metrics is not None
    patients = "" if metrics["patients"] is None else f" of {metrics['patients']} patients"
    return f"{name} ({metrics['examples']} images{patients})"


def _plan(training: Training) -> dict[str, Any]:
    trained, total = (
        sum(row.trainable for row in training.plan),
        sum(row.parameters for row in training.plan),
    )
    audit = training.audit
    sentence = (
        f"Freeze audit: all {audit.frozen_leaves} frozen arrays, batch-norm statistics among them, "
        f"are bit for bit as before training; {audit.trainable_changed} of "
        f"{audit.trainable_leaves} trainable arrays changed."
        if audit.frozen_unchanged
        else f"Freeze audit FAILED: these should not have changed: {', '.join(audit.violations)}."
    )
    return {
        "sentence": f"{trained:,} of {total:,} parameters trained ({trained / total:.1%}).",
        "audit": sentence,
        "audit_passed": audit.frozen_unchanged,
        "table": {
            "caption": "",
            "title": "Plan",
            "header": ["block", "state", "parameters", "trainable", "batch norm"],
            "rows": [
                [
                    row.block,
                    row.state,
                    f"{row.parameters:,}",
                    f"{row.trainable:,}" if row.trainable else MISSING,
                    NORMS[row.batch_norm] or MISSING,
                ]
                for row in training.plan
            ],
        },
    }


def _overall(labelled: Mapping[str, Measured]) -> dict[str, Any]:
    def row(key: str, name: str) -> list[Any]:
        return [
            name,
            *(
                _cell(each.metrics[key], each.metrics["intervals"][key])
                for each in labelled.values()
                if each.metrics is not None
            ),
        ]

    return {
        "caption": "Over all classes; macro means that every class counts the same.",
        "title": "All classes together",
        "header": ["figure", *map(_column, labelled, labelled.values())],
        "rows": [row(key, name) for key, name in OVERALL.items()],
    }


def _per_class(results: Results, labelled: Mapping[str, Measured]) -> list[dict[str, Any]]:
    tables = []
    for split, measured in labelled.items():
        assert measured.metrics is not None
        classes = measured.metrics["per_class"]
        intervals = measured.metrics["intervals"]["per_class"]
        rows: list[list[Any]] = [["images", *(values["support"] for values in classes.values())]]
        for key, shown in PER_CLASS.items():
            if any(values[key] is not None for values in classes.values()):
                cells = [
                    _cell(values[key], intervals[label].get(key))
                    for label, values in classes.items()
                ]
                rows.append([shown, *cells])
        own = split == "validation" and results.training is not None
        note = ": on these very images, so what it gives is a little too good." if own else "."
        tables.append(
            {
                "title": f"Each class against the others: {split}",
                "caption": f"* Fixed on the run's validation images{note}",
                "header": ["figure", *classes],
                "rows": rows,
            }
        )
    return tables


def _undefined(labelled: Mapping[str, Measured]) -> Iterator[str]:
    for name, each in labelled.items():
        assert each.metrics is not None
        for what, reason in each.metrics["undefined"].items():
            yield f"{name}, {what}: {reason}"


def _examples(results: Results) -> list[dict[str, Any]]:
    measured = results.splits[results.main]
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name in results.classes}
    for number, example in enumerate(results.examples):
        row = measured.probabilities[example.place]
        label, predicted = int(measured.split.labels[example.place]), int(row.argmax())
        groups[results.classes[label]].append(
            {
                "xray": f"example_{number}",
                "heat": f"example_{number}_grad_cam",
                "kind": ("Best" if example.best else "Worst")
                + (", yet wrong." if example.best and label != predicted else "."),
                "file": measured.split.paths[example.place],
                "true": results.classes[label],
                "predicted": results.classes[predicted],
                "correct": label == predicted,
                "probability": _percent(float(row[predicted])),
                "probability_of_true": _percent(float(row[label])),
            }
        )
    return [{"title": name, "members": members} for name, members in groups.items() if members]


def _misclassified(labelled: Mapping[str, Measured]) -> dict[str, Any]:
    def rows() -> Iterator[list[Any]]:
        for name, each in labelled.items():
            predicted = each.probabilities.argmax(1)
            for index in np.flatnonzero(predicted != each.split.labels):
                row, label = each.probabilities[index], each.split.labels[index]
                assert each.metrics is not None
                classes = list(each.metrics["per_class"])
                yield [
                    name,
                    each.split.paths[index],
                    classes[label],
                    classes[predicted[index]],
                    float(row.max()),
                    float(row[label]),
                ]

    return {
        "header": ["split", "file", "true", "predicted", "its probability", "that of the true"],
        "rows": list(rows()),
        "of": sum(len(each.split.labels) for each in labelled.values()),
    }


def _settings(results: Results) -> Iterator[dict[str, Any]]:
    settings = results.settings
    training = results.training

    def table(title: str, pairs: Mapping[str, Any]) -> dict[str, Any]:
        rows = [[name, _text(value)] for name, value in pairs.items()]
        return {"title": title, "caption": "", "header": ["name", "value"], "rows": rows}

    if training is not None and training.history:
        seconds = sum(epoch.seconds for epoch in training.history)
        images = sum(epoch.seconds * epoch.images_per_second for epoch in training.history)
        yield table(
            "Time",
            {
                "training": f"{seconds:,.1f} s for {len(training.history)} epoch(s)",
                "throughput": f"{images / max(seconds, 1e-9):,.1f} training images per second",
            },
        )
    dataset = settings.get("dataset", {})
    counts = {
        f"{split} images": ", ".join(f"{label} {count}" for label, count in images.items())
        for split, images in dataset.get("images", {}).items()
    }
    yield table(
        "Data",
        {
            "name": dataset.get("name", ""),
            **counts,
            "left out (unreadable)": dataset.get("skipped", ()),
            "ignored": dataset.get("ignored", ()),
            "fingerprint": settings.get("data_fingerprint", ""),
        },
    )
    yield table("Settings", _flags(settings))
    if run := settings.get("run"):
        yield table(f"The run that made {settings['network']}", _flags(run))
    yield table("Versions and device", settings.get("versions", {}) | settings.get("device", {}))


def _flags(settings: Mapping[str, Any]) -> dict[str, Any]:
    apart = ("dataset", "data_fingerprint", "versions", "device", "warnings", "disclaimer", "run")
    return {name: value for name, value in settings.items() if name not in apart}


def _text(value: Any) -> str:
    if value is None or value in ("", [], ()):
        return MISSING
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _cell(value: float | None, interval: Sequence[float] | None) -> dict[str, str]:
    if value is None:
        return {"value": MISSING, "interval": ""}
    return {"value": f"{value:.3f}", "interval": _range(interval) if interval else ""}


def _range(interval: Sequence[float]) -> str:
    low, high = interval
    return f"{low:.3f} to {high:.3f}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%"
