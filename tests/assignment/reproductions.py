"""Made-up finished runs, for tests of what is said of them: no training."""

import csv
import json

import numpy as np

from jaxcovid.assignment.finished_runs import DIVERGED, Experiment, read_outcome
from jaxcovid.assignment.page import Arm, Reproduction
from jaxcovid.assignment.preset import Preset, Reported
from jaxcovid.assignment.settings import AssignmentSettings
from jaxcovid.config import Config, as_json

NAME = "part1-x"
TITLE = "A & B <script>alert(1)</script> | *x* [y](z)"
REPORTED = Reported(0.84, 0.8438, ((504, 111), (116, 769)))


def write_run(folder, confusion, classes=("infected", "normal"), epochs=3, habits=(), **settings):
    """What a run leaves that a reproduction reads, with that confusion matrix on validation."""
    folder.mkdir(parents=True)
    counts = np.array(confusion)
    right, total = int(np.trace(counts)), int(counts.sum())
    f1 = 2 * np.diag(counts) / np.maximum(counts.sum(0) + counts.sum(1), 1)
    share = right / total
    metrics = {
        "accuracy": share,
        "macro_f1": float(f1.mean()),
        "balanced_accuracy": float(np.mean(np.diag(counts) / counts.sum(1))),
        "auroc": 0.75,
        "examples": total,
        "patients": None,
        "confusion_matrix": counts.tolist(),
        "intervals": {"accuracy": [share - 0.05, share + 0.05], "macro_f1": None},
        "undefined": {"intervals.macro_f1": "it was not asked for"},
        "per_class": {
            name: {"support": int(row.sum())} for name, row in zip(classes, counts, strict=True)
        },
    }
    if "last_batch_f1" in habits:
        metrics["f1_of_last_batch"] = 0.4321
    with (folder / "history.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        names = "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"
        writer.writerow(["epoch", "step", *names, "seconds"])
        writer.writerows([epoch, 8 * epoch, 1 / epoch, 0.5, 1.1 / epoch, share, 60] for epoch in range(1, epochs + 1))  # fmt: skip
    with (folder / "predictions.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["split", "label", "correct", *(f"prob_{name}" for name in classes)])
        writer.writerow(["train", classes[0], True, *np.eye(len(classes))[0]])
        for label, row in enumerate(counts):
            for answer in np.repeat(np.arange(len(classes)), row):
                probabilities = np.eye(len(classes))[answer]
                writer.writerow(["validation", classes[label], answer == label, *probabilities])
    record = (
        as_json(Config(**settings))
        | as_json(AssignmentSettings(habits))
        | {
            "weights_source": "random weights",
            "dataset": {"name": "<b>x-rays", "classes": classes, "images": {"train": {"a|b": 3}}},
            "data_fingerprint": "f" * 32,
            "versions": {"jax": "1"},
            "device": {"kind": "cpu"},
            "warnings": ["a <i>warning</i> of *one* | run"],
        }
    )
    (folder / "config.json").write_text(json.dumps(record))
    # Last, since it tells that the run is finished.
    (folder / "metrics.json").write_text(json.dumps({"validation": metrics}))
    return folder


def experiment(
    root, name=NAME, corrected=(), written=(), reported=REPORTED, normal=(5, 45), **changes
):
    """With so many right of 50 infected, for each seed; None is left out, "" diverged.

    `normal` are the answers to 50 normal images.
    """
    outcomes = []
    for variant, rights in (("as-written", written), ("corrected", corrected)):
        for seed, right in enumerate(rights):
            folder = f"runs/{len(list(root.rglob('*')))}/{variant}-seed{seed}"
            habits = ("last_batch_f1",) if variant == "as-written" else ()
            if right == "":
                (root / folder).mkdir(parents=True)
                (root / folder / DIVERGED).write_text("training diverged: <b>NaN\n")
            elif right is not None:
                write_run(root / folder, ((right, 50 - right), normal), habits=habits)
            outcomes.append(read_outcome(root, folder, variant, seed, "validation"))
    fields = {"title": TITLE, "part": 1, "source": "seed", "notes": "Odd `notes`.", **changes}
    mistakes = ("last_batch_f1",) if written else ()
    preset = Preset(**fields, settings={}, reported=reported, mistakes=mistakes)
    return Experiment(name, preset, tuple(outcomes))


def asked(batch_8, batch_60):
    return {"batch_8": Arm(batch_8, "corrected"), "batch_60": Arm(batch_60, "corrected")}


def made_up(root):
    """Two experiments, one of them half done."""
    first = experiment(root, corrected=(45, 46), written=(30, ""))
    second = experiment(root, "other", corrected=(10, None), reported=None, source="question")
    return Reproduction([first, second], asked(NAME, "other"), {"seeds": 2})
