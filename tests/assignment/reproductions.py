"""Made-up finished runs, for tests of what is said of them: no training."""

import csv
import json

import numpy as np

from jaxcovid.config import Config, as_json


def write_run(folder, confusion, classes=("infected", "normal"), epochs=3, **settings):
    """What a run leaves that a reproduction reads, with that confusion matrix on validation."""
    folder.mkdir(parents=True)
    counts = np.array(confusion)
    right, total = int(np.trace(counts)), int(counts.sum())
    f1 = 2 * np.diag(counts) / np.maximum(counts.sum(0) + counts.sum(1), 1)
    share = right / total
    metrics = {
        "accuracy": share,
        "macro_f1": float(f1.mean()),
        "examples": total,
        "patients": None,
        "confusion_matrix": counts.tolist(),
        "intervals": {"accuracy": [share - 0.05, share + 0.05], "macro_f1": None},
        "per_class": {
            name: {"support": int(row.sum())} for name, row in zip(classes, counts, strict=True)
        },
    }
    if "last_batch_f1" in settings.get("habits", ()):
        metrics["f1_of_last_batch"] = 0.4321
    with (folder / "history.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        names = "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"
        writer.writerow(["epoch", "step", *names, "seconds"])
        writer.writerows([epoch, 8 * epoch, 1 / epoch, 0.5, 1.1 / epoch, share, 60] for epoch in range(1, epochs + 1))  # fmt: skip
    with (folder / "predictions.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["split", "correct"])
        writer.writerow(["train", True])
        writer.writerows(["validation", index < right] for index in range(total))
    record = as_json(Config(**settings)) | {
        "weights_source": "random weights",
        "dataset": {"name": "<b>x-rays", "classes": classes, "images": {"train": {"a|b": 3}}},
        "data_fingerprint": "f" * 32,
        "versions": {"jax": "1"},
        "device": {"kind": "cpu"},
        "warnings": ["a <i>warning</i> of *one* | run"],
    }
    (folder / "config.json").write_text(json.dumps(record))
    # Last, since it tells that the run is finished.
    (folder / "metrics.json").write_text(json.dumps({"validation": metrics}))
    return folder
