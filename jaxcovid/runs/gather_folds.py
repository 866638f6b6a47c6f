"""From the runs of folds to results: every image by the networks that did not train on it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxcovid.data import blank
from jaxcovid.data.dataset import Dataset, Split
from jaxcovid.data.folds import Fold
from jaxcovid.data.patient_digests import patient_digests
from jaxcovid.errors import InputError
from jaxcovid.inference.grad_cam import grad_cam_of_several
from jaxcovid.inference.inference_model import InferenceModel
from jaxcovid.models import Ensemble
from jaxcovid.operating_point import OperatingPoint, points_of
from jaxcovid.results import OUT_OF_FOLD, Measured, Parted, Results
from jaxcovid.runs.answers import Answers, joint, read_answers
from jaxcovid.runs.audit import audit_data
from jaxcovid.runs.gather import ExplainPlaces, examples_of, with_mistakes
from jaxcovid.runs.seen import seen_part
from jaxcovid.statistics import metrics
from jaxcovid.statistics.referral import referral
from jaxcovid.statistics.weighted_metrics import Thresholds, points_of_class


class FoldNetworks(NamedTuple):
    """The networks of a fold, one for each seed, and what they say.

    `left_out` are the places of the images that they did not see, `answers` each one's of those.
    `thresholds` are the fold's.
    """

    left_out: Int[np.ndarray, "_"]
    answers: Sequence[Answers]
    thresholds: Thresholds
    networks: Sequence[InferenceModel]


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


def folds_of_runs(
    pooled: Dataset,
    folds: Sequence[Fold],
    networks: Sequence[InferenceModel],
    runs: Sequence[Path],
    points: Sequence[OperatingPoint] = (),
) -> list[FoldNetworks]:
    """What the runs of folds say, which are seed by seed and of each seed fold by fold.

    `points` are those whose thresholds are fixed on each fold's validation images, besides
    the usual ones.
    Raises InputError if one is damaged.
    """
    split, classes, codes = pooled.splits["train"], pooled.classes, networks[0].codes

    def answers(places: slice, name: str, rows: Int[np.ndarray, "_"]) -> list[Answers]:
        paths = [split.paths[row] for row in rows]
        return [read_answers(run, name, paths, classes) for run in runs[places]]

    of_folds = []
    for number, fold in enumerate(folds):
        places = slice(number, None, len(folds))
        chosen = joint(answers(places, "validation", fold.validation), codes)
        thresholds = metrics.operating_points(
            split.labels[fold.validation], chosen.probabilities, classes, points
        )
        said = answers(places, "test", fold.test)
        of_folds.append(FoldNetworks(fold.test, said, thresholds, networks[places]))
    return of_folds


def gather_folds(
    title: str,
    pooled: Dataset,
    of_folds: Sequence[FoldNetworks],
    first_seed: int,
    settings: Mapping[str, Any],
) -> Results:
    """Measures all images of a pooled dataset, and explains some of them.

    Thresholds of each image are those of its fold; those of the results, for the networks together,
    come from all predictions.
    """
    dataset = out_of_fold(pooled)
    split, classes = dataset.splits[OUT_OF_FOLD], dataset.classes
    groups, codes = dataset.patients.get(OUT_OF_FOLD), of_folds[0].networks[0].codes
    together = [joint(fold.answers, codes).probabilities for fold in of_folds]
    fold_of, probabilities = _joined(of_folds, together)
    limits = _limits([fold.thresholds for fold in of_folds], classes, fold_of)

    def measured(said: Float[np.ndarray, "n class"]) -> dict[str, Any]:
        return metrics.measure(
            split.labels, said, classes, groups=groups, thresholds=limits, folds=fold_of
        )

    left_to_readers = {"referral": referral(split.labels, probabilities, classes, groups=groups)}
    splits = {
        OUT_OF_FOLD: Measured(
            split.paths,
            split.labels,
            probabilities,
            measured(probabilities) | left_to_readers,
            patients=groups,
            notes=[blank.remark(levels) for levels in split.few_levels.tolist()],
            people=patient_digests(dataset, OUT_OF_FOLD),
        )
    }
    return Results(
        title,
        classes,
        with_mistakes(dataset, splits),
        OUT_OF_FOLD,
        metrics.operating_points(split.labels, probabilities, classes, points_of(settings)),
        examples_of(split, probabilities, _explain(of_folds, fold_of, split)),
        settings,
        None,
        audit_data(dataset, network=probabilities, folds=fold_of),
        seen_part(split, classes, dataset.preparation.fit),
        _by_fold(dataset, of_folds, together),
        fold_of + 1,
        _by_seed(of_folds, first_seed, measured),
    )


def _by_fold(
    dataset: Dataset,
    of_folds: Sequence[FoldNetworks],
    together: Sequence[Float[np.ndarray, "_ class"]],
) -> Parted:
    """What the networks of each fold, answering `together`, reach on the images left out."""
    labels, groups = dataset.splits[OUT_OF_FOLD].labels, dataset.patients.get(OUT_OF_FOLD)
    measured = [
        metrics.measure(
            labels[fold.left_out],
            said,
            dataset.classes,
            groups=None if groups is None else groups[fold.left_out],
            thresholds=fold.thresholds,
        )
        for fold, said in zip(of_folds, together, strict=True)
    ]
    epochs = [[epoch_of(network) for network in fold.networks] for fold in of_folds]
    return Parted(range(1, len(of_folds) + 1), measured, epochs)


def _by_seed(
    of_folds: Sequence[FoldNetworks],
    first: int,
    measured: Callable[[Float[np.ndarray, "n class"]], Mapping[str, Any]],
) -> Parted | None:
    """What the networks of each seed reach by themselves; None of a single seed."""
    seeds = range(len(of_folds[0].networks))
    if len(seeds) == 1:
        return None
    said = [
        _joined(of_folds, [fold.answers[seed].probabilities for fold in of_folds])[1]
        for seed in seeds
    ]
    epochs = [[epoch_of(fold.networks[seed]) for fold in of_folds] for seed in seeds]
    return Parted(range(first, first + len(seeds)), [*map(measured, said)], epochs)


def epoch_of(network: InferenceModel) -> int:
    """After which epoch a run's network was measured and saved. Raises InputError if damaged."""
    try:
        return int(network.metrics["measured_epoch"]["epoch"])
    except (KeyError, TypeError, ValueError):
        reason = f"{network.name}: metrics.json is damaged (it does not say the measured epoch)"
        raise InputError([reason]) from None


def _explain(
    of_folds: Sequence[FoldNetworks], fold_of: Int[np.ndarray, "n"], split: Split
) -> ExplainPlaces:
    """Where the networks of its fold looked in each image."""
    model = of_folds[0].networks[0].model
    assert not isinstance(model, Ensemble)
    explain = grad_cam_of_several(model)
    variables = [[one.variables for one in fold.networks] for fold in of_folds]

    def heats(
        places: Int[np.ndarray, "n"], answers: Int[np.ndarray, "n"]
    ) -> Float[np.ndarray, "n rows columns"]:
        pixels = split.evaluation[places]
        maps = [explain(of_fold, pixels, answers) for of_fold in variables]
        return np.stack([maps[fold_of[place]][row] for row, place in enumerate(places)])

    return heats


def _joined(
    of_folds: Sequence[FoldNetworks], said: Sequence[Float[np.ndarray, "_ class"]]
) -> tuple[Int[np.ndarray, "n"], Float[np.ndarray, "n class"]]:
    """The number of the fold that left out each image, from 0, and what is said of it."""
    count = sum(map(len, said))
    fold_of = np.zeros(count, np.int32)
    probabilities = np.zeros((count, said[0].shape[1]), np.float32)
    for number, (fold, of_fold) in enumerate(zip(of_folds, said, strict=True)):
        fold_of[fold.left_out] = number
        probabilities[fold.left_out] = of_fold
    return fold_of, probabilities


def _limits(
    thresholds: Sequence[Thresholds], classes: Sequence[str], fold_of: Int[np.ndarray, "n"]
) -> dict[str, dict[str, Float[np.ndarray, "n"]]]:
    """The thresholds of each image: those of its fold, NaN where it has none."""

    def of_folds(name: str, point: str) -> Float[np.ndarray, "fold"]:
        known = [of_fold.get(name, {}).get(point) for of_fold in thresholds]
        return np.array([np.nan if value is None else value for value in known])

    return {
        name: {
            point: of_folds(name, point)[fold_of] for point in points_of_class(thresholds[0], name)
        }
        for name in classes
    }
