"""From a network's answers to results: every labelled split measured, some images explained."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image

from jaxcovid.data import blank
from jaxcovid.data.dataset import Dataset, Split
from jaxcovid.data.patient_digests import patient_digests
from jaxcovid.operating_point import points_of
from jaxcovid.results import (
    EXAMPLES_OF_CLASS,
    MISTAKE_SIZE,
    MOST_MISTAKES,
    ORDER,
    OUT_OF_FOLD,
    Audit,
    Example,
    Measured,
    Results,
    Training,
)
from jaxcovid.runs.seen import seen_part
from jaxcovid.statistics import metrics
from jaxcovid.statistics.findings import measure_findings
from jaxcovid.statistics.referral import referral
from jaxcovid.statistics.weighted_metrics import Thresholds
from jaxcovid.training.evaluation import Predictions
from jaxcovid.training.losses import Codes

# Images n x height x width x channel, and a class of each, to heat maps n x rows x columns.
Explain = Callable[
    [UInt8[np.ndarray, "n height width channel"], Int[np.ndarray, "n"]],
    Float[np.ndarray, "n rows columns"],
]

# The same of images by their places in a split.
ExplainPlaces = Callable[
    [Int[np.ndarray, "n"], Int[np.ndarray, "n"]], Float[np.ndarray, "n rows columns"]
]

# Labels, predicted classes and the metrics so far, to further ones and sentences about them.
FurtherMetrics = Callable[
    [Int[np.ndarray, "n"], Int[np.ndarray, "n"], Mapping[str, Any]],
    tuple[Mapping[str, float], tuple[str, ...]],
]


def gather_results(
    title: str,
    dataset: Dataset,
    predictions: Mapping[str, Predictions],
    explain: Explain,
    settings: Mapping[str, Any],
    *,
    thresholds: Thresholds | None = None,
    codes: Codes | None = None,
    training: Training | None = None,
    further_metrics: FurtherMetrics | None = None,
    audit: Audit | None = None,
    loss_name: str = "loss",
) -> Results:
    """Measures every labelled split, and chooses and explains the images to look at.

    The verdict is about the labelled split that played the least part in training: there must be
    one. `predictions` are by split; `settings` is the record that config.json holds. `thresholds`
    are those of a validation split elsewhere; without, they come from the one here, if there is
    one. `codes` are what each class is coded as, where classes imply others. `loss_name` is what
    the loss of `predictions` is called.
    """
    classes = dataset.classes
    if thresholds is None:
        thresholds = {}
        if (validation := dataset.splits.get("validation")) is not None:
            probabilities = predictions["validation"].probabilities
            thresholds = metrics.operating_points(
                validation.labels, probabilities, classes, points_of(settings)
            )
    splits = {
        name: measured_split(
            dataset, name, predictions[name], thresholds or None, codes, further_metrics, loss_name
        )
        for name in dataset.splits
    }
    main = next(name for name in ORDER if name in splits and splits[name].metrics is not None)
    splits |= with_mistakes(dataset, splits)
    pixels = dataset.splits[main].evaluation
    examples = examples_of(
        dataset.splits[main],
        splits[main].probabilities,
        lambda places, answers: explain(pixels[places], answers),
    )
    seen = seen_part(dataset.splits[main], classes, dataset.preparation.fit)
    return Results(
        title, classes, splits, main, thresholds, examples, settings, training, audit, seen
    )


class Choice(NamedTuple):
    """An image to look at: its place in the split, and whether it is a best or a worst one."""

    place: int
    best: bool


def choose_examples(
    labels: Int[np.ndarray, "n"], probabilities: Float[np.ndarray, "n class"]
) -> list[Choice]:
    """The `EXAMPLES_OF_CLASS` best and as many worst images of each class; none twice.

    Best is the highest probability (0 to 1) of the true class. Images without a label (-1) are of
    no class.
    """
    choices = []
    for label in range(probabilities.shape[1]):
        members = np.flatnonzero(labels == label)
        ranked = members[np.argsort(-probabilities[members, label], kind="stable")]
        best = ranked[:EXAMPLES_OF_CLASS]
        worst = ranked[EXAMPLES_OF_CLASS:][::-1][:EXAMPLES_OF_CLASS]
        choices += [Choice(int(place), True) for place in best]
        choices += [Choice(int(place), False) for place in worst]
    return choices


def measured_split(
    dataset: Dataset,
    name: str,
    predicted: Predictions,
    thresholds: Thresholds | None,
    codes: Codes | None = None,
    further_metrics: FurtherMetrics | None = None,
    loss_name: str = "loss",
) -> Measured:
    """The images of a split and how good what is said of them is, as `gather_results` has it."""
    split, probabilities, findings = (
        dataset.splits[name],
        predicted.probabilities,
        predicted.findings,
    )
    measured, cautions = None, ()
    if len(split.labels) and (split.labels >= 0).all():
        groups = dataset.patients.get(name)
        measured = {loss_name: predicted.loss} | metrics.measure(
            split.labels, probabilities, dataset.classes, groups=groups, thresholds=thresholds
        )
        measured["referral"] = referral(split.labels, probabilities, dataset.classes, groups=groups)
        if further_metrics is not None:
            values, cautions = further_metrics(split.labels, probabilities.argmax(1), measured)
            measured |= values
        if codes is not None and findings is not None:
            targets = codes[split.labels]
            measured["findings"] = measure_findings(
                targets, findings, dataset.classes, groups=groups
            )
    return Measured(
        split.paths,
        split.labels,
        probabilities,
        measured,
        findings,
        cautions,
        dataset.patients.get(name),
        notes=blank.notes(split, predicted.remarks),
        people=patient_digests(dataset, name),
    )


def with_mistakes(dataset: Dataset, splits: Mapping[str, Measured]) -> dict[str, Measured]:
    """The labelled splits, with pictures of the `MOST_MISTAKES` most confidently wrong images.

    Those of the test split come first, then those of the validation and the training images.
    """
    left, results = MOST_MISTAKES, {}
    for name in (OUT_OF_FOLD, *ORDER):
        split = splits.get(name)
        if split is not None and split.metrics is not None:
            places = confident_mistakes(split.labels, split.probabilities)[:left]
            pixels = dataset.splits[name].evaluation[places]
            small = {int(place): _small(image) for place, image in zip(places, pixels, strict=True)}
            results[name] = split._replace(mistakes=small)
            left -= len(places)
    return results


def confident_mistakes(
    labels: Int[np.ndarray, "n"], probabilities: Float[np.ndarray, "n class"]
) -> Int[np.ndarray, "mistake"]:
    """The places of misclassified images, the highest probability of a wrong class first."""
    wrong = np.flatnonzero(probabilities.argmax(1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(1), kind="stable")]


def _small(
    pixels: UInt8[np.ndarray, "height width channel"],
) -> UInt8[np.ndarray, "rows columns channel"]:
    grey = pixels.shape[2] == 1
    image = Image.fromarray(pixels[:, :, 0] if grey else pixels)
    image.thumbnail((MISTAKE_SIZE, MISTAKE_SIZE), Image.Resampling.BOX)
    small = np.asarray(image)
    return small[:, :, None] if grey else small


def examples_of(
    split: Split, probabilities: Float[np.ndarray, "n class"], explain: ExplainPlaces
) -> list[Example]:
    """The best and the worst images of each class, and where the network looked in them."""
    choices = choose_examples(split.labels, probabilities)
    places = np.array([choice.place for choice in choices], np.int64)
    pixels = split.evaluation[places]
    heats = explain(places, probabilities[places].argmax(1))
    return [
        Example(choice.place, choice.best, image, heat)
        for choice, image, heat in zip(choices, pixels, heats, strict=True)
    ]
