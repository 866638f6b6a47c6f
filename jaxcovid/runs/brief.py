"""A run that is one of several: its weights, figures and tables, but no page of its own."""

from collections.abc import Mapping, Sequence

import numpy as np

from jaxcovid.checksums import tables_of, write_checksums
from jaxcovid.operating_point import points_of
from jaxcovid.report import DISCLAIMER
from jaxcovid.results import Epoch, Results, Training
from jaxcovid.runs import artifacts, files, record
from jaxcovid.runs.familiar import familiar_of_run
from jaxcovid.runs.gather import measured_split
from jaxcovid.seal import sealed
from jaxcovid.statistics import metrics
from jaxcovid.training.epoch_choice import chosen_epoch
from jaxcovid.training.evaluation import Predictions
from jaxcovid.training.freeze_audit import audit, digests
from jaxcovid.training.setup import Task
from jaxcovid.training.step import TrainState
from weights_convert.aside import folder_aside


def write_brief_run(
    task: Task, state: TrainState, history: Sequence[Epoch], predictions: Mapping[str, Predictions]
) -> None:
    """Writes config.json, the tables, metrics.json and the weights.

    `state` is that of the epoch that the settings choose, `predictions` are what it says of every
    split. The folder appears whole, and must not be there. Raises OSError.
    """
    config, dataset, network = task.config, task.dataset, task.network
    folder = config.output
    assert folder is not None
    warnings = (*network.warnings, *dataset.warnings)
    settings = record.run_record(config, task.parts, dataset, network.weights_source, warnings)
    validation = dataset.splits["validation"]
    thresholds = metrics.operating_points(
        validation.labels,
        predictions["validation"].probabilities,
        dataset.classes,
        points_of(settings),
    )
    splits = {
        name: measured_split(dataset, name, of_split, thresholds, task.targets.answer_codes)
        for name, of_split in predictions.items()
    }
    proof = audit(network.digests, digests(state.params, state.batch_stats), network.frozen)
    if not proof.frozen_unchanged:
        listed = ", ".join(proof.violations)
        raise RuntimeError(f"frozen leaves changed in training, which must never be: {listed}")
    training = Training(
        network.plan, proof, history, np.zeros((0, 1, 1, 3)), chosen_epoch(config, history)
    )
    results = Results(
        folder.name, dataset.classes, splits, "test", thresholds, (), settings, training
    )
    with folder_aside(folder) as aside:
        artifacts.write_config(aside, settings)
        artifacts.write_split(aside, dataset.members)
        artifacts.write_history(aside, history)
        artifacts.write_weights(aside, task, state, thresholds)
        artifacts.write_familiar(aside, familiar_of_run(task, predictions))
        artifacts.write_predictions(aside, results)
        write_checksums(aside, tables_of(aside))
        measured = artifacts.measured_record(results)
        files.write_json(aside / "metrics.json", sealed({**measured, "disclaimer": DISCLAIMER}))
