"""What more patients would bring: networks of shares of the training patients, trained together."""

import dataclasses
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, Int

from jaxcovid import config_problems, parallel
from jaxcovid.audits.blind_floor import trial_of
from jaxcovid.compilation import compiler_options
from jaxcovid.config import Config
from jaxcovid.data.dataset import Dataset
from jaxcovid.data.folds import Fold
from jaxcovid.errors import InputError, NothingFrozenError, check
from jaxcovid.results import OUT_OF_FOLD
from jaxcovid.runs.feature_files import feature_store
from jaxcovid.runs.progress import bar, progress, say
from jaxcovid.runs.run import device_error, resolve
from jaxcovid.statistics.bootstrap import resample_weights
from jaxcovid.statistics.power_law import forecast
from jaxcovid.statistics.weighted_metrics import weighted_metrics
from jaxcovid.sweeps.chunk_training import (
    feature_splits,
    first_chunk,
    first_variables,
    shared_by_members,
    train_chunk,
)
from jaxcovid.training.evaluation import means, predictions_of
from jaxcovid.training.member_loop import apart_of, predict_members, predict_rows
from jaxcovid.training.members import make_member_evaluation
from jaxcovid.training.setup import Task, prepare
from jaxcovid.training.training_data import folds_of_settings, load_training_data
from weights_convert.cache import cache_folder

# Shares of the training patients, and how often each is drawn.
SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)
DRAWS = 3
RESAMPLES = 400
# Views of each image, where the run had fresh ones in every epoch.
MOST_VIEWS = 5
NONE = np.zeros(0, np.int64)


def learning_curve(config: Config) -> dict[str, Any]:
    """The curve as audit.json holds it, of networks with these settings, after their last epoch.

    The images are those of `config.data`; each network is measured on the labelled split that
    played the least part, or with `folds` on the images that its fold leaves out. Raises InputError
    if nothing is frozen that they could share.
    """
    check(config_problems.problems(config))
    views = config.views or min(config.epochs, MOST_VIEWS)
    config = dataclasses.replace(resolve(config), views=views, select="last", limit_train=None)
    precision = "float32" if config.precision == "float32" else "default"
    with jax.default_matmul_precision(precision):
        try:
            return _learning_curve(config)
        except jax.errors.JaxRuntimeError as error:
            raise device_error(config, error) from None


def _learning_curve(config: Config) -> dict[str, Any]:
    dataset = load_training_data(config, cache_folder(), progress)
    check(_unfit(config, dataset))
    people = _people(dataset)
    # The last share is all patients, in every draw.
    sets = _sets(config, dataset, people)
    check(_too_few(dataset, [fold.train for fold in sets[0]]))
    try:
        task = prepare(config, dataset, parallel.devices(limit=1), bar, store=feature_store())
    except NothingFrozenError:
        raise InputError(
            [
                "`learning_curve`: nothing is frozen in this network that networks of shares of "
                "the patients could have in common; take a run with a frozen part"
            ]
        ) from None
    areas = [_areas(task, folds) for folds in sets]
    values = np.array([[of_draw[0] for of_draw in of_share] for of_share in areas])
    resampled = np.array([[of_draw[1:] for of_draw in of_share] for of_share in areas])
    counts = [
        float(np.mean([len(np.unique(people[fold.train])) for fold in folds])) for folds in sets
    ]
    return _record(task, sets, counts, values, resampled.transpose(2, 0, 1))


def _areas(task: Task, folds: Sequence[Fold]) -> list[Float[np.ndarray, "_"]]:
    """The macro AUROC of a network for each set of training images, and its resamples."""
    config, splits = task.config, feature_splits(task)
    configs = [dataclasses.replace(config, seed=config.seed + draw) for draw in range(len(folds))]
    common, variables = shared_by_members(task), first_variables(task, configs)
    evaluate = jax.jit(
        make_member_evaluation(common, each=config.is_folded), compiler_options=compiler_options()
    )
    say(f"Learning curve: {len(folds)} networks of about {len(folds[0].train):,} images each")
    with tempfile.TemporaryDirectory() as folder:
        underway = train_chunk(
            common, configs, range(len(configs)), splits, evaluate,
            first_chunk(common, configs, variables), Path(folder), {}, 0, bool, folds,
        )  # fmt: skip
    if any(underway.diverged):
        raise InputError(
            ["`learning_curve`: a network diverged; take a run with a lower `lr`, or with warm-up"]
        )
    name = _measured(config, task.dataset)
    measured, apart = splits[name], apart_of(configs, splits["train"].labels, folds)
    rows = [fold.test if config.is_folded else np.arange(len(measured.labels)) for fold in folds]
    if config.is_folded:
        logits, totals = predict_rows(
            evaluate, underway.measured, {}, measured, rows, apart, "left-out", bar
        )
    else:
        logits, totals = predict_members(
            evaluate, underway.measured, {}, measured, name, bar, apart
        )
    groups = task.dataset.patients.get(name)
    groups = np.arange(len(measured.labels)) if groups is None else groups
    weights = [
        np.ones((1, len(groups))), *resample_weights(groups, RESAMPLES, seed=config.seed)
    ]  # fmt: skip
    areas = []
    for of_member, sums, places in zip(logits, totals, rows, strict=True):
        said = predictions_of(of_member, means(sums), task.targets.answer_codes)
        metrics = weighted_metrics(
            measured.labels[places], said.probabilities, task.dataset.classes, thresholds={}
        )
        areas.append(np.concatenate([metrics(some[:, places])["auroc",] for some in weights]))
    return areas


def _record(
    task: Task,
    sets: Sequence[Sequence[Fold]],
    patients: Sequence[float],
    values: Float[np.ndarray, "share draw"],
    resampled: Float[np.ndarray, "resample share draw"],
) -> dict[str, Any]:
    ends = np.nanpercentile(resampled.mean(2), (2.5, 97.5), axis=0).T
    points = [
        {
            "share": share,
            "patients": of_share,
            "images": float(np.mean([len(fold.train) for fold in folds])),
            "auroc": {"value": float(areas.mean()), "low": float(low), "high": float(high)},
            "draws": areas.tolist(),
        }
        for share, of_share, folds, areas, (low, high) in zip(
            SHARES, patients, sets, values, ends, strict=True
        )
    ]
    whole = np.isfinite(resampled).all((1, 2))
    # Folds are measured on other patients each, which at all sizes makes some of them harder.
    level = _levelled if task.config.is_folded else np.asarray
    said = forecast(patients, level(1 - values), level(1 - resampled[whole]), task.config.seed)
    return {
        "measured": OUT_OF_FOLD if task.config.is_folded else trial_of(task.dataset).measured,
        "epochs": task.config.epochs,
        "points": points,
        "law": None if said.law is None else said.law._asdict(),
        "gains": {
            str(times): {"value": value, "low": low, "high": high}
            for times, (value, low, high) in said.gains.items()
        },
        "held_back": None
        if said.held_back is None
        else {"expected": 1 - said.held_back[0], "measured": 1 - said.held_back[1]},
        "doubt": said.doubt,
    }


def _levelled(errors: Float[np.ndarray, "*resample share fold"]) -> np.ndarray:
    """The errors without what a fold's differ from the others' by at all shares alike."""
    of_folds = errors.mean(-2, keepdims=True)
    return errors - of_folds + of_folds.mean(-1, keepdims=True)


def _sets(config: Config, dataset: Dataset, people: Int[np.ndarray, "n"]) -> list[list[Fold]]:
    """For each share the images of its networks: of several draws of the patients, or of folds."""
    labels = dataset.splits["train"].labels
    if config.is_folded:
        folds = folds_of_settings(dataset, config)
    else:
        folds = [Fold(np.arange(len(labels)), NONE, NONE)] * DRAWS
    orders = [
        _order(labels[fold.train], people[fold.train], config.seed, draw)
        for draw, fold in enumerate(folds)
    ]
    return [
        [
            fold._replace(train=fold.train[_first_share(order, people[fold.train], share)])
            for fold, order in zip(folds, orders, strict=True)
        ]
        for share in SHARES
    ]


def _measured(config: Config, dataset: Dataset) -> str:
    """The split that holds the images on which networks are measured."""
    return "train" if config.is_folded else trial_of(dataset).measured


def _order(
    labels: Int[np.ndarray, "n"], people: Int[np.ndarray, "n"], seed: int, draw: int
) -> Int[np.ndarray, "_"]:
    """The patients in the order of a draw, such that any beginning has classes in proportion."""
    ids, first = np.unique(people, return_index=True)
    classes = labels[first]
    generator = np.random.default_rng((seed, draw))
    ranks = np.zeros(len(ids))
    for label in np.unique(classes):
        of_class = generator.permutation(np.flatnonzero(classes == label))
        ranks[of_class] = (np.arange(len(of_class)) + generator.random()) / len(of_class)
    return ids[np.argsort(ranks, kind="stable")]


def _first_share(
    order: Int[np.ndarray, "_"], people: Int[np.ndarray, "n"], share: float
) -> Int[np.ndarray, "_"]:
    """The places of the images of that share of the patients, the first in the order."""
    return np.flatnonzero(np.isin(people, order[: max(1, round(share * len(order)))]))


def _people(dataset: Dataset) -> Int[np.ndarray, "n"]:
    """The patient of every training image, by a number; unknown ones are patients by themselves."""
    groups = dataset.patients.get("train")
    return np.arange(len(dataset.splits["train"].labels)) if groups is None else groups


def _unfit(config: Config, dataset: Dataset) -> list[str]:
    """Why there can be no learning curve of these settings and images."""
    problems = []
    if dataset.findings:
        problems.append("`learning_curve`: images with several findings have none")
    name = _measured(config, dataset)
    labels, groups = dataset.splits[name].labels, dataset.patients.get(name)
    if len(np.unique(labels)) < 2 or (groups is not None and len(np.unique(groups)) < 2):
        problems.append(
            f"`learning_curve`: the {name} images are of one class or one patient; it takes several"
        )
    return problems


def _too_few(dataset: Dataset, smallest: Sequence[Int[np.ndarray, "_"]]) -> list[str]:
    """A sentence for each class of which the smallest share may have no image."""
    labels = dataset.splits["train"].labels
    counts: dict[int, list[int]] = defaultdict(list)
    for rows in smallest:
        for label in range(len(dataset.classes)):
            counts[label].append(int((labels[rows] == label).sum()))
    return [
        f"`learning_curve`: a share of {SHARES[0]:.4g} of the patients may have no image of class "
        f"{dataset.classes[label]!r}; it takes more patients"
        for label, of_draws in counts.items()
        if min(of_draws) == 0
    ]
