"""What a run says on the terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxcovid.audit import FreezeAudit
from jaxcovid.config import Config
from jaxcovid.data.dataset import Dataset
from jaxcovid.report import DISCLAIMER
from jaxcovid.report.artifacts import Epoch
from jaxcovid.trainable import PlanRow

NORMS = {
    "-": "",
    "running": "running statistics, kept",
    "batch": "batch statistics, updated",
    "mixed": "partly batch statistics",
}


def announcement(
    config: Config, dataset: Dataset, weights_source: str, plan: Sequence[PlanRow]
) -> str:
    """The data, the weights and the plan of what trains."""
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
            shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            lines.append(f"{len(names)} file(s) {kind}: {shown}")
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
    """One epoch on one line."""
    return (
        f"epoch {row.epoch}/{epochs}: "
        f"train loss {row.train_loss:.4f} accuracy {row.train_accuracy:.3f}, "
        f"validation loss {row.validation_loss:.4f} accuracy {row.validation_accuracy:.3f}, "
        f"{row.seconds:.1f} s, {row.images_per_second:.1f} images/s"
    )


def summary(folder: Path, measured: Mapping[str, Mapping[str, Any]], audit: FreezeAudit) -> str:
    """The result and where to find it."""
    lines = [""]
    rows = []
    for name, values in measured.items():
        scores = (f"{values[score]:.3f}" for score in ("accuracy", "macro_f1"))
        rows.append([name, values["examples"], *scores])
    lines += _table(["split", "images", "accuracy", "macro-F1"], rows)
    lines += [
        f"Freeze audit: {audit.frozen_leaves} frozen arrays unchanged, {audit.trainable_changed} "
        f"of {audit.trainable_leaves} trainable arrays changed",
        "",
        f"Results in {folder}: metrics.json, history.csv, predictions.csv, config.json, plots/, "
        "weights.pth, weights.safetensors",
        DISCLAIMER,
    ]
    return "\n".join(lines)


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
