"""What a report is about: a network's answers on some splits, and how it came to be."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from jaxcovid.assignment.mistakes import f1_of_last_batch
from jaxcovid.data.dataset import Dataset, Split
from jaxcovid.report import gallery
from jaxcovid.statistics import metrics
from jaxcovid.statistics.findings import measure_findings
from jaxcovid.statistics.weighted_metrics import Thresholds
from jaxcovid.training.evaluation import Predictions
from jaxcovid.training.freeze_audit import FreezeAudit
from jaxcovid.training.losses import Codes
from jaxcovid.training.trainable import PlanRow

# Heat maps of images for a class of each.
Explain = Callable[
    [UInt8[np.ndarray, "n height width channel"], Int[np.ndarray, "n"]],
    Float[np.ndarray, "n rows columns"],
]


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


class Measured(NamedTuple):
    """A split, what the network says of it, and its metrics if it is labelled."""

    split: Split
    probabilities: Float[np.ndarray, "n class"]
    metrics: Mapping[str, Any] | None
    # Probabilities of every output by itself, where classes imply others.
    findings: Float[np.ndarray, "n output"] | None = None


class Training(NamedTuple):
    """How the network came to be; `views` is a batch as it saw it."""

    plan: Sequence[PlanRow]
    audit: FreezeAudit
    history: Sequence[Epoch]
    views: Float[np.ndarray, "n height width channel"]


class Example(NamedTuple):
    """An image to show with where the network looked; `heat` is for the predicted class."""

    place: int
    best: bool
    heat: Float[np.ndarray, "rows columns"]


class Results(NamedTuple):
    """Everything that a page shows. `examples` are of the split `main`."""

    title: str
    classes: tuple[str, ...]
    splits: Mapping[str, Measured]
    main: str
    thresholds: Thresholds
    examples: Sequence[Example]
    settings: Mapping[str, Any]
    training: Training | None = None


def gather(
    title: str,
    dataset: Dataset,
    predictions: Mapping[str, Predictions],
    explain: Explain,
    settings: Mapping[str, Any],
    *,
    thresholds: Thresholds | None = None,
    codes: Codes | None = None,
    training: Training | None = None,
) -> Results:
    """Measures every labelled split, and chooses and explains the images to show.

    The verdict is about the split that played the least part in training. `thresholds` are those
    of a validation split elsewhere; without, they come from the one here, if there is one.
    """
    classes = dataset.classes
    if thresholds is None:
        thresholds = {}
        if (validation := dataset.splits.get("validation")) is not None:
            probabilities = predictions["validation"].probabilities
            thresholds = metrics.operating_points(validation.labels, probabilities, classes)
    splits = {}
    for name, split in dataset.splits.items():
        probabilities, measured = predictions[name].probabilities, None
        if len(split.labels) and (split.labels >= 0).all():
            groups = dataset.patients.get(name)
            measured = {"loss": predictions[name].loss} | metrics.measure(
                split.labels, probabilities, classes, groups=groups, thresholds=thresholds or None
            )
            if "last_batch_f1" in settings.get("habits", ()):
                size, seed = settings["eval_batch_size"], settings["seed"]
                f1 = f1_of_last_batch(split.labels, probabilities.argmax(1), size, seed)
                measured["f1_of_last_batch"] = f1
            findings = predictions[name].findings
            if codes is not None and findings is not None:
                targets = codes[split.labels].astype(np.int32)
                measured["findings"] = measure_findings(targets, findings, classes, groups=groups)
        splits[name] = Measured(split, probabilities, measured, predictions[name].findings)
    main = next(
        name
        for name in ("test", "validation", "train")
        if name in splits and splits[name].metrics is not None
    )
    shown = splits[main]
    choices = gallery.choose(shown.split.labels, shown.probabilities)
    chosen = np.array([choice.place for choice in choices], np.int64)
    predicted = shown.probabilities[chosen].argmax(1)
    heats = explain(shown.split.evaluation[chosen], predicted)
    examples = [
        Example(choice.place, choice.best, heat)
        for choice, heat in zip(choices, heats, strict=True)
    ]
    return Results(title, classes, splits, main, thresholds, examples, settings, training)
