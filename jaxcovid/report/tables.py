"""The tables of a report, as header and rows of text."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from jaxcovid.report.text import NORMS
from jaxcovid.results import Measured, Results, Training
from jaxcovid.statistics.findings import OF_FINDING

# Title, caption, header and rows, for the page to lay out.
Table = dict[str, Any]

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


MISSING = "—"


def overall_table(labelled: Mapping[str, Measured]) -> Table:
    """Figures over all classes with their intervals, a column for every labelled split."""

    def row(key: str, name: str) -> list[Any]:
        return [
            name,
            *(
                cell(split.metrics[key], split.metrics["intervals"][key])
                for split in labelled.values()
                if split.metrics is not None
            ),
        ]

    return {
        "caption": "Over all classes; macro means that every class counts the same.",
        "title": "All classes together",
        "header": ["figure", *map(_column, labelled, labelled.values())],
        "rows": [row(key, name) for key, name in OVERALL.items()],
    }


def class_tables(results: Results, labelled: Mapping[str, Measured]) -> list[Table]:
    """Figures of each class against the others, a table for every labelled split.

    Where classes imply others, the split's table of findings comes before. Figures that no class of
    the split has are left out.
    """
    tables = []
    for split, measured in labelled.items():
        assert measured.metrics is not None
        classes = measured.metrics["per_class"]
        intervals = measured.metrics["intervals"]["per_class"]
        rows: list[list[Any]] = [["images", *(values["support"] for values in classes.values())]]
        for key, name in PER_CLASS.items():
            if any(values[key] is not None for values in classes.values()):
                cells = [
                    cell(values[key], intervals[label].get(key))
                    for label, values in classes.items()
                ]
                rows.append([name, *cells])
        is_chosen_here = split == "validation" and results.training is not None
        note = "."
        if is_chosen_here:
            note = ": on these very images, so what it gives is a little too good."
        tables += _findings(split, measured)
        tables.append(
            {
                "title": f"Each class against the others: {split}",
                "caption": f"* Fixed on the run's validation images{note}",
                "header": ["figure", *classes],
                "rows": rows,
            }
        )
    return tables


def _findings(split: str, measured: Measured) -> Iterator[Table]:
    """Where classes imply others: each output by itself, at a probability of one half."""
    assert measured.metrics is not None
    findings = measured.metrics.get("findings")
    if findings is None:
        return
    by_name, intervals = findings["per_finding"], findings["intervals"]
    exact = cell(findings["exact_match"], intervals["exact_match"])
    rows: list[list[Any]] = [["images", *(values["support"] for values in by_name.values())]]
    for key in OF_FINDING:
        cells = (
            cell(values[key], intervals["per_finding"][name][key])
            for name, values in by_name.items()
        )
        rows.append([PER_CLASS[key], *cells])
    yield {
        "title": f"Each finding by itself: {split}",
        "caption": "Outputs above one half count as found. All findings of an image are right in "
        f"{exact['value']} ({exact['interval']}) of the images.",
        "header": ["figure", *by_name],
        "rows": rows,
    }


def difference_table(compared: Mapping[str, Any]) -> Table:
    """Figures of two networks on the same images, their differences, and p of each.

    `compared` is what `statistics.compare` found of them; figures without a difference are left
    out.
    """
    rows = [
        [
            name.replace("_", " "),
            *(f"{row[side]:.3f}" for side in ("first", "second")),
            {
                "value": f"{row['difference']:+.3f}",
                "interval": _range(row["interval"]) if row["interval"] else "",
            },
            MISSING if row["p_value"] is None else f"{row['p_value']:.3f}",
        ]
        for name, row in compared["differences"].items()
        if row["difference"] is not None
    ]
    return {
        "title": "Differences",
        "caption": "Paired: both networks on the same images, in every resample.",
        "header": ["figure", "first", "second", "difference", "p"],
        "rows": rows,
    }


def plan_table(training: Training) -> Table:
    """What trained in each block of the network, how many parameters, which statistics."""
    return {
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
    }


def misclassified_table(labelled: Mapping[str, Measured]) -> Table:
    """Every labelled image whose likeliest class is not the true one; `of` is how many there are.

    Probabilities in the rows are numbers from 0 to 1, for the page to format and to sort by.
    """

    def rows() -> Iterator[list[Any]]:
        for name, split in labelled.items():
            predicted = split.probabilities.argmax(1)
            for index in np.flatnonzero(predicted != split.labels):
                row, label = split.probabilities[index], split.labels[index]
                assert split.metrics is not None
                classes = list(split.metrics["per_class"])
                yield [
                    name,
                    split.paths[int(index)],
                    classes[label],
                    classes[predicted[index]],
                    float(row.max()),
                    float(row[label]),
                ]

    return {
        "header": ["split", "file", "true", "predicted", "its probability", "that of the true"],
        "rows": list(rows()),
        "of": sum(len(split.labels) for split in labelled.values()),
    }


def settings_tables(results: Results) -> Iterator[Table]:
    """Time (in seconds, and training images per second), data, flags, versions; a table of each.

    Without training there is no table of time.
    """
    training = results.training
    if training is not None and training.history:
        seconds = sum(epoch.seconds for epoch in training.history)
        images = sum(epoch.seconds * epoch.images_per_second for epoch in training.history)
        yield _pairs(
            "Time",
            {
                "training": f"{seconds:,.1f} s for {len(training.history)} epoch(s)",
                "throughput": f"{images / max(seconds, 1e-9):,.1f} training images per second",
            },
        )
    yield from flag_tables(results.settings)


def flag_tables(record: Mapping[str, Any]) -> Iterator[Table]:
    """Data, flags and versions in what config.json or sweep.json holds; a table of each.

    Of an evaluation also the flags of the run that made the network.
    """
    dataset = record.get("dataset", {})
    counts = {
        f"{split} images": ", ".join(f"{label} {count}" for label, count in images.items())
        for split, images in dataset.get("images", {}).items()
    }
    yield _pairs(
        "Data",
        {
            "name": dataset.get("name", ""),
            **counts,
            "left out (unreadable)": dataset.get("skipped", ()),
            "ignored": dataset.get("ignored", ()),
            "fingerprint": record.get("data_fingerprint", ""),
        },
    )
    yield _pairs("Settings", _flags(record))
    if run := record.get("run"):
        yield _pairs(f"The run that made {record['network']}", _flags(run))
    yield _pairs("Versions and device", record.get("versions", {}) | record.get("device", {}))


def _pairs(title: str, pairs: Mapping[str, Any]) -> Table:
    rows = [[name, _text(value)] for name, value in pairs.items()]
    return {"title": title, "caption": "", "header": ["name", "value"], "rows": rows}


def _flags(settings: Mapping[str, Any]) -> dict[str, Any]:
    apart = ("dataset", "data_fingerprint", "versions", "device", "warnings", "disclaimer", "run")
    return {name: value for name, value in settings.items() if name not in apart}


def _text(value: Any) -> str:
    if value is None or value in ("", [], ()):
        return MISSING
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def cell(value: float | None, interval: Sequence[float] | None) -> dict[str, str]:
    """A cell with a figure and its interval below, both to three digits; a dash if undefined."""
    if value is None:
        return {"value": MISSING, "interval": ""}
    return {"value": f"{value:.3f}", "interval": _range(interval) if interval else ""}


def _range(interval: Sequence[float]) -> str:
    low, high = interval
    return f"{low:.3f} to {high:.3f}"


def _column(name: str, measured: Measured) -> str:
    metrics = measured.metrics
    assert metrics is not None
    patients = "" if metrics["patients"] is None else f" of {metrics['patients']} patients"
    return f"{name} ({metrics['examples']} images{patients})"
