"""What a run says on the terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxcovid.config import Config
from jaxcovid.data.dataset import Dataset
from jaxcovid.report import DISCLAIMER
from jaxcovid.results import Epoch, PlanRow, Results

SCORES = {"accuracy": "accuracy (95 % interval)", "macro_f1": "macro-F1", "auroc": "AUROC"}

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
        ["split", *dataset.classes, "unlabelled"],
        [
            [
                name,
                *np.bincount(split.labels.clip(-1) + 1, minlength=len(dataset.classes) + 1)[1:],
                int(np.sum(split.labels < 0)),
            ]
            for name, split in dataset.splits.items()
        ],
    )
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
    """After training or evaluation: the verdict, scores by split, the freeze audit."""
    lines = ["", run_verdict(results), "", *_table(*_scores(results))]
    if results.training is not None:
        audit = results.training.audit
        lines.append(
            f"Freeze audit: {audit.frozen_leaves} frozen arrays unchanged, "
            f"{audit.trainable_changed} of {audit.trainable_leaves} trainable arrays changed"
        )
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
        interval = row["interval"]
        within = f"{interval[0]:+.3f} to {interval[1]:+.3f}" if interval else ""
        scores = [f"{row[side]:.3f}" for side in ("first", "second")]
        rows.append([name.replace("_", " "), *scores, f"{row['difference']:+.3f}", within])
    header = ["", "first", "second", "difference", "95 % interval"]
    lines = ["", comparison_verdict(first, second, compared), mcnemar(compared), ""]
    return "\n".join([*lines, *_table(header, rows)])


def comparison_verdict(first: Results, second: Results, compared: Mapping[str, Any]) -> str:
    """Which of two networks is better, in one sentence; in percentage points of accuracy.

    `compared` is what `statistics.compare` found of them. The difference is clear if its 95 %
    interval does not hold 0.
    """
    accuracy = compared["differences"]["accuracy"]
    points, interval = 100 * accuracy["difference"], accuracy["interval"]
    if points == 0:
        return (
            f"Of {compared['examples']} {first.main} images, {second.title} classifies as many "
            f"right as {first.title}."
        )
    more = "more" if points > 0 else "fewer"
    sentence = (
        f"Of {compared['examples']} {first.main} images, {second.title} classifies "
        f"{abs(points):.1f} percentage points {more} right than {first.title}"
    )
    if interval is None:
        return f"{sentence}; how sure that is cannot be said."
    low, high = (100 * end for end in interval)
    clear = "a clear difference" if low > 0 or high < 0 else "no clear difference"
    return f"{sentence} (95 % interval {low:+.1f} to {high:+.1f}): {clear}."


def mcnemar(compared: Mapping[str, Any]) -> str:
    """McNemar's exact test in words: on how many images only one of two networks is right, and p.

    `compared` is what `statistics.compare` found of them.
    """
    test = compared["mcnemar"]
    counts = (
        f"Only the first is right on {test['only_first_correct']} images, only the second on "
        f"{test['only_second_correct']}"
    )
    if test["p_value"] is None:
        return f"{counts}: McNemar's test has nothing to go by."
    note = (
        ""
        if compared["patients"] is None
        else "; it takes images for independent, the intervals do not"
    )
    return f"{counts} (McNemar's exact test: p = {test['p_value']:.3g}{note})."


def run_verdict(results: Results) -> str:
    """How many percent of the images of the split `main` are classified right, in one sentence.

    Beside it what always saying the commonest class would get, and classes never recognised.
    """
    metrics = results.splits[results.main].metrics
    if metrics is None or metrics["accuracy"] is None:
        return "There are no labelled images, so nothing can be said about how good it is."
    support = [values["support"] for values in metrics["per_class"].values()]
    most = results.classes[int(np.argmax(support))]
    interval = metrics["intervals"]["accuracy"]
    within = ""
    if interval is not None:
        low, high = (100 * end for end in interval)
        within = f" (95 % interval {low:.1f} to {high:.1f} %)"
    return (
        f"Of {metrics['examples']} {results.main} images it classifies "
        f"{100 * metrics['accuracy']:.1f} % right{within}; always saying “{most}” would get "
        f"{100 * max(support) / sum(support):.1f} %{_missed(metrics)}."
    )


def _missed(metrics: Mapping[str, Any]) -> str:
    """Classes of which not one image is recognised: no average may hide that."""
    classes = metrics["per_class"]
    missed = [name for name, values in classes.items() if values["recall"] == 0]
    if len(missed) > 2:
        return f"; of {len(missed)} of the {len(classes)} classes not one image is recognised"
    return "".join(
        f"; not one of the {classes[name]['support']} images of “{name}” is recognised"
        for name in missed
    )


def _scores(results: Results) -> tuple[list[str], list[list[Any]]]:
    rows = []
    for name, split in results.splits.items():
        if split.metrics is None:
            continue
        row = [name, split.metrics["examples"]]
        for score in SCORES:
            value, interval = split.metrics[score], split.metrics["intervals"][score]
            within = f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
            row.append("undefined" if value is None else f"{value:.3f}{within}")
        rows.append(row)
    return ["split", "images", *SCORES.values()], rows


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
