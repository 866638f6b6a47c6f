"""The tables of time, data, settings and versions: what config.json holds, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from jaxcovid.report.tables import MISSING, Table
from jaxcovid.results import FindingResults, Results

# What settings are called; other names are words already.
WORDS = {
    "data": "folder of images",
    "patients": "files of patients",
    "merge": "joined classes",
    "skip_unreadable": "leave out unreadable images",
    "limit_train": "training images used",
    "fit": "how images are made square",
    "intensity": "grey values",
    "stored_side": "shorter side of training images (pixels, at most)",
    "model": "architecture",
    "trainable": "what trains",
    "weights": "weights to start from",
    "weights_source": "weights started from",
    "head": "hidden layers of the head",
    "dropout": "dropout rate",
    "batch_norm": "batch norm of frozen blocks",
    "batch_size": "images per step",
    "lr": "learning rate",
    "backbone_lr": "learning rate below the head",
    "schedule": "learning rate over time",
    "warmup_epochs": "epochs of warm-up",
    "focal_gamma": "focal loss, gamma",
    "focal_alpha": "focal loss, alpha",
    "multilabel": "classes that imply others",
    "sampling": "how often each training image is drawn",
    "augment": "augmentation",
    "augmentation": "strength of augmentation",
    "rotation": "rotation instead (degrees, at most)",
    "crop_area": "share of the area of a crop instead",
    "mirror": "share of mirrored images instead",
    "contrast": "change of contrast instead, at most",
    "views": "kept augmented views",
    "select": "which epoch is measured and saved",
    "patience": "epochs without a lower validation loss until training stops",
    "seed": "seed of all that is random",
    "eval_batch_size": "images per step of evaluation",
    "precision": "number format",
    "feature_precision": "number format of kept features",
    "parallel": "spread over devices by",
    "memory_budget": "memory for images (GB)",
    "checkpoint_every": "steps between checkpoints",
    "output": "folder of results",
    "weights_file": "another name of weights.pth",
    "resume": "continued run",
    "coordinator": "process 0",
    "num_processes": "processes",
    "process_id": "number of this process",
    "git_commit": "commit of the code",
}


def settings_tables(results: Results | FindingResults) -> Iterator[Table]:
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
    rows = [[_name(name), _text(value)] for name, value in pairs.items()]
    return {"title": title, "caption": "", "header": ["name", "value"], "rows": rows}


def _flags(settings: Mapping[str, Any]) -> dict[str, Any]:
    apart = (
        "dataset",
        "data_fingerprint",
        "versions",
        "device",
        "warnings",
        "disclaimer",
        "run",
        "internal",
    )
    return {name: value for name, value in settings.items() if name not in apart}


def _name(name: str) -> Any:
    """A name in words, and below it how the command line and config.json have it."""
    return {"value": WORDS[name], "interval": name} if name in WORDS else name.replace("_", " ")


def _text(value: Any) -> str:
    if value is None or value in ("", [], ()):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_text(item)}" for name, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
