"""What a run, an evaluation and an audit say on the terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxcovid.config import Config
from jaxcovid.data.dataset import Dataset, images_of_classes
from jaxcovid.report import DISCLAIMER, checks, epoch_words, words
from jaxcovid.report.between import between_sentences
from jaxcovid.report.points import reached_points
from jaxcovid.report.verdicts import audit_verdict, comparison_verdict, mcnemar, run_verdict
from jaxcovid.results import FLOORS, Audit, Epoch, PlanRow, Results, Training

SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")

NORMS = {
    "-": "",
    "running": "running statistics, kept",
    "batch": "batch statistics, updated",
    "mixed": "partly batch statistics",
}


def announcement(
    config: Config, dataset: Dataset, weights_source: str, plan: Sequence[PlanRow]
) -> str:
    """Before training: the data, where the weights come from, and the plan of what trains.

    Images are counted by split and class, parameters by block.
    """
    lines = [f"{config.model} on {dataset.name}, starting from {weights_source}. {DISCLAIMER}", ""]
    lines += _table(
        ["split", "images", *(dataset.findings or dataset.classes), "unlabelled"],
        [
            [
                name,
                len(split.labels) if dataset.findings else "",
                *images_of_classes(dataset, split).values(),
                int(np.sum(split.labels < 0)),
            ]
            for name, split in dataset.splits.items()
        ],
    )
    lines += dataset.notes
    for kind, names in (("skipped", dataset.skipped), ("ignored", dataset.ignored)):
        if names:
            examples = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            lines.append(f"{len(names)} file(s) {kind}: {examples}")
    lines.append("")
    rows = [
        [
            row.block,
            row.state,
            f"{row.parameters:,}",
            f"{row.trainable:,}" if row.trainable else "",
            NORMS[row.batch_norm],
        ]
        for row in plan
    ]
    lines += _table(["block", "training", "parameters", "trainable", "batch norm"], rows)
    trainable, total = (
        sum(row.trainable for row in plan),
        sum(row.parameters for row in plan),
    )
    lines.append(f"{trainable:,} of {total:,} parameters train ({trainable / total:.1%})")
    return "\n".join(lines)


def epoch_line(row: Epoch, epochs: int) -> str:
    """An epoch on one line; `epochs` is how many there will be. Time in seconds."""
    return (
        f"epoch {row.epoch}/{epochs}: "
        f"train loss {row.train_loss:.4f} accuracy {row.train_accuracy:.3f}, "
        f"validation loss {row.validation_loss:.4f} accuracy {row.validation_accuracy:.3f}, "
        f"{row.seconds:.1f} s, {row.images_per_second:.1f} images/s"
    )


def run_summary(results: Results) -> str:
    """After training or evaluation: verdict, scores by split, audits of the data and of freezing.

    Of training also after which epoch this is; of the data what is reached without lungs, and a
    line for every check that failed.
    """
    lines = ["", run_verdict(results), "", *_table(*_scores(results))]
    if results.audit is not None:
        lines += checks.floor_lines(results.audit.checks.get("blind_floor") or {})
        lines += [f"Failed: {failure}" for failure in checks.failures(results.audit.checks)]
        lines += checks.unlike_lines(results.audit.checks.get("out_of_place") or {})
    lines += _point_lines(results)
    lines += between_sentences(results)
    return "\n".join([*lines, *training_lines(results.training, results.settings)])


def _point_lines(results: Results) -> list[str]:
    """A line for every operating point that was asked for."""
    here = results.main == "validation" and results.of_own_run
    where = f"{words.split_name(results.main)} images{', which fixed the threshold' * here}"
    lines = []
    for point in reached_points(results.splits[results.main].metrics):
        figures = {
            "sensitivity": (point.sensitivity, point.of_sensitivity),
            "specificity": (point.specificity, point.of_specificity),
        }
        said = [
            f"{name} undefined ({point.reason})"
            if value is None
            else f"{name} {words.with_interval(value, interval)}"
            for name, (value, interval) in figures.items()
        ]
        lines.append(f"{point.name} called at {point.asked} ({where}): {', '.join(said)}")
    return lines


def training_lines(training: Training | None, record: Mapping[str, Any]) -> list[str]:
    """What freezing proved, why training ended early if it did, and after which epoch this is.

    `record` holds the settings; without training there is nothing to say.
    """
    if training is None:
        return []
    audit = training.audit
    early = len(training.history) < record["epochs"]
    return [
        f"Freeze audit: {audit.frozen_leaves} frozen arrays unchanged, "
        f"{audit.trainable_changed} of {audit.trainable_leaves} trainable arrays changed",
        *([epoch_words.ending(training, record)] if early else []),
        f"Measured and saved {epoch_words.measured_after(training, record)}",
    ]


def audit_summary(audit: Audit) -> str:
    """After an audit of data: the verdict, a table of the checks, and one of the floors.

    Every floor has its figures with their 95 % intervals, or the reason why not.
    """
    rows = [
        [checks.name_of(name), checks.STATES[check["passed"]], checks.outcome(name, check)]
        for name, check in audit.checks.items()
    ]
    lines = ["", audit_verdict(audit.checks), "", *_table(["check", "outcome", "what"], rows)]
    floors = audit.checks.get("blind_floor", {})
    rows = [[FLOORS[name], *_floor_cells(floors[name])] for name in FLOORS if name in floors]
    if rows:
        header = ["seen instead of lungs", "macro AUROC (95 % interval)", "balanced accuracy"]
        lines += ["", *_table([*header, "why not"], rows)]
    return "\n".join(lines)


def results_note(folder: Path) -> str:
    """Where to find the results, and what they are not for."""
    return f"\nResults in {folder}; look at {folder / 'report.html'}\n{DISCLAIMER}"


def comparison_summary(first: Results, second: Results, compared: Mapping[str, Any]) -> str:
    """Two networks on the same images: the verdict, McNemar's test, figures and differences.

    `compared` is what `statistics.compare` found of them; figures without a difference are left
    out.
    """
    rows = []
    for name, row in compared["differences"].items():
        if row["difference"] is None:
            continue
        interval, value = row["interval"], row["p_value"]
        within = f"{interval[0]:+.3f} to {interval[1]:+.3f}" if interval else ""
        scores = [f"{row[side]:.3f}" for side in ("first", "second")]
        sure = (
            within,
            "" if value is None else words.p_value(value).removeprefix("p ").removeprefix("= "),
        )
        rows.append([name.replace("_", " "), *scores, f"{row['difference']:+.3f}", *sure])
    header = ["", "first", "second", "difference", "95 % interval", "p of it alone"]
    lines = ["", comparison_verdict(first, second, compared), mcnemar(compared), ""]
    return "\n".join([*lines, *_table(header, rows)])


def _scores(results: Results) -> tuple[list[str], list[list[Any]]]:
    rows = []
    for name, split in results.splits.items():
        if split.metrics is None:
            continue
        row = [words.split_name(name), split.metrics["examples"]]
        for score in SCORES:
            value, interval = split.metrics[score], split.metrics["intervals"][score]
            row.append("undefined" if value is None else words.with_interval(value, interval))
        rows.append(row)
    accuracy, *others = (words.OVERALL[score] for score in SCORES)
    return ["split", "images", f"{accuracy} (95 % interval)", *others], rows


def _floor_cells(floor: Mapping[str, Any]) -> list[str]:
    """Macro AUROC and balanced accuracy of a floor, and why one of them is missing."""
    figures = [words.about(floor, name) for name in ("auroc", "balanced_accuracy")]
    cells = [
        "" if values is None else words.with_interval(values["value"], words.ends(values))
        for values in figures
    ]
    missing = next((values["reason"] for values in figures if values and "reason" in values), "")
    return [*cells, floor.get("reason", missing)]


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    cells = [list(header), *([str(cell) for cell in row] for row in rows)]
    keep = [i for i in range(len(header)) if any(row[i] not in ("", "0") for row in cells[1:])]
    widths = [max(len(row[i]) for row in cells) for i in keep]
    numeric = [
        all(row[i].replace(",", "").replace(".", "").isdigit() or not row[i] for row in cells[1:])
        for i in keep
    ]
    return [
        "  ".join(
            row[i].rjust(width) if right else row[i].ljust(width)
            for i, width, right in zip(keep, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    ]
