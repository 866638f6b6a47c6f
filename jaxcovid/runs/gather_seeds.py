"""From the runs of seeds to results: every split by all networks together, and by each alone."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxcovid.audits.blind_floor import trial_of
from jaxcovid.inference.grad_cam import grad_cam_of_several
from jaxcovid.inference.inference_model import InferenceModel
from jaxcovid.models import Ensemble
from jaxcovid.results import Parted, Results
from jaxcovid.runs.answers import joint, mean_loss, read_answers
from jaxcovid.runs.audit import audit_data, with_check
from jaxcovid.runs.familiar import compared
from jaxcovid.runs.gather import gather_results
from jaxcovid.runs.gather_folds import epoch_of
from jaxcovid.statistics import metrics
from jaxcovid.training.evaluation import Predictions, means_of_places
from jaxcovid.training.losses import Loss, cross_entropy
from jaxcovid.training.setup import Task


def gather_seeds(
    title: str,
    task: Task,
    networks: Sequence[InferenceModel],
    runs: Sequence[Path],
    settings: Mapping[str, Any],
) -> Results:
    """Measures and explains what the networks of seeds answer as one; `runs` are their folders.

    `task` is that of the first. Raises InputError if a run is damaged.
    """
    dataset, model, codes = task.dataset, networks[0].model, networks[0].codes
    assert not isinstance(model, Ensemble)
    answers = {
        name: [read_answers(run, name, split.paths, dataset.classes) for run in runs]
        for name, split in dataset.splits.items()
    }
    loss_name, loss = _loss(task)
    predictions = {}
    for name, split in dataset.splits.items():
        said = joint(answers[name], codes)
        of_split = mean_loss(said, split.labels, loss)
        predictions[name] = Predictions(
            said.probabilities, of_split, np.nan, said.findings, features=_features(task, name)
        )
    # All have the frozen part in common, so one knows what all do.
    familiar = networks[0].familiar
    predictions, unlike = compared(familiar, dataset, predictions, ("train", "validation"))
    of_measured = predictions[trial_of(dataset).measured].probabilities
    audit = audit_data(dataset, network=of_measured)
    results = gather_results(
        title,
        dataset,
        predictions,
        functools.partial(grad_cam_of_several(model), [one.variables for one in networks]),
        settings,
        codes=codes,
        audit=with_check(audit, "out_of_place", unlike),
        loss_name=loss_name,
    )
    labels, groups = dataset.splits[results.main].labels, dataset.patients.get(results.main)
    alone = [
        metrics.measure(labels, said.probabilities, dataset.classes, groups=groups)
        for said in answers[results.main]
    ]
    first = task.config.seed
    seeds = range(first, first + len(networks))
    return results._replace(seeds=Parted(seeds, alone, [[epoch_of(one)] for one in networks]))


def _loss(task: Task) -> tuple[str, Loss]:
    """The loss of training, and what it is called; another where probabilities do not tell it."""
    if task.config.loss == "cross_entropy" or task.targets.answer_codes is not None:
        labels = task.dataset.splits["train"].labels
        return "loss", task.parts.loss(task.config, task.targets.codes, labels, None)
    return "cross_entropy", cross_entropy()


def _features(task: Task, split: str) -> Float[np.ndarray, "n feature"] | None:
    if task.frozen is None:
        return None
    return means_of_places(task.frozen.features(split, bool).evaluation).astype(np.float32)
