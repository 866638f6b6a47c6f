"""From the runs of folds to results: every image by the network that did not train on it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxcovid.data import blank
from jaxcovid.data.dataset import Dataset, Split
from jaxcovid.data.patient_digests import patient_digests
from jaxcovid.inference.grad_cam import grad_cam_by_variables
from jaxcovid.models import Model
from jaxcovid.results import OUT_OF_FOLD, FoldFigures, Measured, Results
from jaxcovid.runs.audit import audit_data
from jaxcovid.runs.gather import examples_of, with_mistakes
from jaxcovid.runs.seen import seen_part
from jaxcovid.statistics import metrics
from jaxcovid.statistics.weighted_metrics import SPECIFICITIES, Thresholds


class FoldRun(NamedTuple):
    """What a fold's run says: of the images that it left out, and of itself.

    `probabilities` are in the order of these images, `metrics` its metrics.json.
    """

    probabilities: Float[np.ndarray, "n class"]
    thresholds: Thresholds
    variables: Mapping[str, Any]
    metrics: Mapping[str, Any]


def out_of_fold(pooled: Dataset) -> Dataset:
    """A pooled dataset whose images are all measured, without a test split that came with it."""
    known = ("patients", "patient_names", "columns")
    return pooled._replace(
        splits={OUT_OF_FOLD: pooled.splits["train"]},
        **{
            name: {OUT_OF_FOLD: getattr(pooled, name)["train"]}
            for name in known
            if "train" in getattr(pooled, name)
        },
    )


def gather_folds(
    title: str,
    dataset: Dataset,
    left_out: Sequence[Int[np.ndarray, "_"]],
    runs: Sequence[FoldRun],
    model: Model,
    settings: Mapping[str, Any],
) -> Results:
    """Measures all images of a dataset that `out_of_fold` gives, and explains some of them.

    `left_out` are the places of each fold's images. Thresholds of each image are those of its fold;
    those of the results, for the networks together, come from all predictions.
    """
    split, classes = dataset.splits[OUT_OF_FOLD], dataset.classes
    fold_of, probabilities = _joined(split, left_out, runs)
    measured = metrics.measure(
        split.labels,
        probabilities,
        classes,
        groups=dataset.patients.get(OUT_OF_FOLD),
        thresholds=_limits([run.thresholds for run in runs], classes, fold_of),
        folds=fold_of,
    )
    explain = grad_cam_by_variables(model)

    def heats(
        places: Int[np.ndarray, "n"], answers: Int[np.ndarray, "n"]
    ) -> Float[np.ndarray, "n rows columns"]:
        pixels = split.evaluation[places]
        of_folds = [explain(run.variables, pixels, answers) for run in runs]
        return np.stack([of_folds[fold_of[place]][row] for row, place in enumerate(places)])

    splits = {
        OUT_OF_FOLD: Measured(
            split.paths,
            split.labels,
            probabilities,
            measured,
            patients=dataset.patients.get(OUT_OF_FOLD),
            notes=[blank.remark(levels) for levels in split.few_levels.tolist()],
            people=patient_digests(dataset, OUT_OF_FOLD),
        )
    }
    splits = with_mistakes(dataset, splits)
    return Results(
        title,
        classes,
        splits,
        OUT_OF_FOLD,
        metrics.operating_points(split.labels, probabilities, classes),
        examples_of(split, probabilities, heats),
        settings,
        None,
        audit_data(dataset, network=probabilities, folds=fold_of),
        seen_part(split, classes, dataset.preparation.fit),
        folds=FoldFigures(fold_of + 1, [run.metrics for run in runs]),
    )


def _joined(
    split: Split, left_out: Sequence[Int[np.ndarray, "_"]], runs: Sequence[FoldRun]
) -> tuple[Int[np.ndarray, "n"], Float[np.ndarray, "n class"]]:
    """The number of the fold that left out each image, from 0, and what its network says of it."""
    fold_of = np.zeros(len(split.labels), np.int32)
    probabilities = np.zeros((len(split.labels), runs[0].probabilities.shape[1]), np.float32)
    for number, (places, run) in enumerate(zip(left_out, runs, strict=True)):
        fold_of[places] = number
        probabilities[places] = run.probabilities
    return fold_of, probabilities


def _limits(
    thresholds: Sequence[Thresholds], classes: Sequence[str], fold_of: Int[np.ndarray, "n"]
) -> dict[str, dict[str, Float[np.ndarray, "n"]]]:
    """The thresholds of each image: those of its fold, NaN where it has none."""

    def of_folds(name: str, point: str) -> Float[np.ndarray, "fold"]:
        known = [of_fold.get(name, {}).get(point) for of_fold in thresholds]
        return np.array([np.nan if value is None else value for value in known])

    return {
        name: {point: of_folds(name, point)[fold_of] for point in SPECIFICITIES} for name in classes
    }
