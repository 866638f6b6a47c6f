"""From the runs of seeds to results: every split by all networks together, and by each alone."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxcovid.audits.blind_floor import trial_of
from jaxcovid.data.dataset import Dataset
from jaxcovid.inference.grad_cam import grad_cam_of_several
from jaxcovid.inference.inference_model import InferenceModel
from jaxcovid.models import Ensemble
from jaxcovid.results import Parted, Results
from jaxcovid.runs.answers import joint, mean_loss, read_answers
from jaxcovid.runs.audit import audit_data
from jaxcovid.runs.gather import gather_results
from jaxcovid.runs.gather_folds import epoch_of
from jaxcovid.statistics import metrics
from jaxcovid.training.evaluation import Predictions
from jaxcovid.training.losses import Loss


def gather_seeds(
    title: str,
    dataset: Dataset,
    first_seed: int,
    networks: Sequence[InferenceModel],
    runs: Sequence[Path],
    settings: Mapping[str, Any],
    loss: Loss,
) -> Results:
    """Measures and explains what the networks of seeds answer as one; `runs` are their folders.

    `loss` is that of their training. Raises InputError if a run is damaged.
    """
    model = networks[0].model
    assert not isinstance(model, Ensemble)
    codes, classes = networks[0].codes, dataset.classes
    answers = {
        name: [read_answers(run, name, split.paths, classes) for run in runs]
        for name, split in dataset.splits.items()
    }
    predictions = {}
    for name, split in dataset.splits.items():
        said = joint(answers[name], codes)
        of_split = mean_loss(said, split.labels, loss)
        predictions[name] = Predictions(said.probabilities, of_split, np.nan, said.findings)
    of_measured = predictions[trial_of(dataset).measured].probabilities
    results = gather_results(
        title,
        dataset,
        predictions,
        functools.partial(grad_cam_of_several(model), [one.variables for one in networks]),
        settings,
        codes=codes,
        audit=audit_data(dataset, network=of_measured),
    )
    labels, groups = dataset.splits[results.main].labels, dataset.patients.get(results.main)
    alone = [
        metrics.measure(labels, said.probabilities, classes, groups=groups)
        for said in answers[results.main]
    ]
    return results._replace(
        seeds=Parted(
            range(first_seed, first_seed + len(networks)),
            alone,
            [[epoch_of(network)] for network in networks],
        )
    )
