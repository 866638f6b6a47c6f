"""The files that a run leaves in its folder."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from jaxcovid import metrics
from jaxcovid.audit import FreezeAudit
from jaxcovid.config import Config
from jaxcovid.data.dataset import Dataset, Split
from jaxcovid.data.images import CROP, RESIZE
from jaxcovid.data.loader import MEAN, STD
from jaxcovid.report import DISCLAIMER, files, plots
from jaxcovid.train import TrainState
from weights_convert import Entry, flax_to_torch, save


class Epoch(NamedTuple):
    """A line of history.csv."""

    epoch: int
    step: int
    lr: float
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float
    images_per_second: float


class Predictions(NamedTuple):
    """What a model says of a split; loss and accuracy mean nothing for unlabelled images."""

    probabilities: Float[np.ndarray, "n class"]
    loss: float
    accuracy: float


def write_config(folder: Path, record: Mapping[str, Any]) -> None:
    """config.json: settings, versions, device, data."""
    files.write_json(folder / "config.json", record)


def write_history(folder: Path, history: Sequence[Epoch]) -> None:
    """history.csv: one line per epoch."""
    files.write_csv(folder / "history.csv", Epoch._fields, history)


def measure(dataset: Dataset, predictions: Mapping[str, Predictions]) -> dict[str, dict[str, Any]]:
    """Metrics of every labelled split."""
    measured = {}
    for name, split in dataset.splits.items():
        if _labelled(split):
            predicted = predictions[name].probabilities.argmax(1)
            measured[name] = {
                "loss": predictions[name].loss,
                **metrics.classification(split.labels, predicted, dataset.classes),
            }
    return measured


def write_results(
    folder: Path,
    config: Config,
    dataset: Dataset,
    history: Sequence[Epoch],
    predictions: Mapping[str, Predictions],
    measured: Mapping[str, Mapping[str, Any]],
    audit: FreezeAudit,
) -> None:
    """predictions.csv, plots/ and, last, metrics.json: if it is there, so is all of the run."""
    header = ["split", "path", "label", "prediction", "correct"]
    header += [f"prob_{name}" for name in dataset.classes]
    files.write_csv(folder / "predictions.csv", header, _prediction_rows(dataset, predictions))

    (folder / "plots").mkdir(exist_ok=True)
    what = f"{config.model}, training {config.trainable}, on {dataset.name}"
    curves = plots.curves([epoch._asdict() for epoch in history], what)
    files.write_picture(folder / "plots" / "curves.png", curves)
    for name, values in measured.items():
        title = f"{what}\n{name}: {values['accuracy']:.1%} of {values['examples']} correct"
        figure = plots.confusion(values["confusion_matrix"], dataset.classes, title)
        files.write_picture(folder / "plots" / f"confusion_{name}.png", figure)
    result = {**measured, "freeze_audit": audit._asdict(), "disclaimer": DISCLAIMER}
    files.write_json(folder / "metrics.json", result)


def write_weights(
    folder: Path,
    config: Config,
    classes: Sequence[str],
    entries: Sequence[Entry],
    state: TrainState,
) -> None:
    """weights.pth and weights.safetensors under torchvision's names.

    The latter's metadata hold all that prediction needs.
    """
    variables = {"params": state.params, "batch_stats": state.batch_stats}
    preprocessing = {"resize": RESIZE, "crop": CROP, "mean": MEAN, "std": STD}
    metadata = {
        "architecture": config.model,
        "head": json.dumps({"hidden": config.head, "dropout": config.dropout}),
        "classes": json.dumps(list(classes)),
        "preprocessing": json.dumps(preprocessing),
        "disclaimer": DISCLAIMER,
    }
    arrays = flax_to_torch(variables, entries)
    save(folder / "weights.pth", arrays)
    save(folder / "weights.safetensors", arrays, metadata)


def _labelled(split: Split) -> bool:
    return len(split.labels) > 0 and bool((split.labels >= 0).all())


def _prediction_rows(
    dataset: Dataset, predictions: Mapping[str, Predictions]
) -> Iterator[list[Any]]:
    for name, split in dataset.splits.items():
        for path, label, row in zip(
            split.paths, split.labels, predictions[name].probabilities, strict=True
        ):
            predicted = int(row.argmax())
            known = [dataset.classes[label], bool(label == predicted)] if label >= 0 else ["", ""]
            probabilities = [f"{value:.6f}" for value in row]
            yield [name, path, known[0], dataset.classes[predicted], known[1], *probabilities]
