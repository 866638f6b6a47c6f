"""Folds that share a frozen part: trained together, each written as a run when all are done."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxcovid.compilation import compiler_options
from jaxcovid.config import Config
from jaxcovid.data.folds import Fold, dataset_of_fold
from jaxcovid.errors import DivergedError
from jaxcovid.results import Epoch
from jaxcovid.runs.brief import write_brief_run
from jaxcovid.runs.progress import bar, say
from jaxcovid.runs.run import Deferred
from jaxcovid.sweeps.chunk_training import (
    feature_splits,
    first_chunk,
    first_variables,
    shared_by_members,
    train_chunk,
)
from jaxcovid.sweeps.chunks import member_chunks, member_memory
from jaxcovid.sweeps.state import remove_state
from jaxcovid.training.evaluation import means, means_of_places, predictions_of
from jaxcovid.training.member_loop import FeatureSplit, Underway, apart_of, predict_rows
from jaxcovid.training.members import MemberEvaluation, Shared, make_member_evaluation, row
from jaxcovid.training.setup import Task
from jaxcovid.training.trainable import combine, partition
from jaxcovid.training.training_data import memory_budget


def train_folds_together(
    task: Task,
    configs: Sequence[Config],
    folds: Sequence[Fold],
    folder: Path,
    settings: Mapping[str, Any],
    deferred: Deferred,
) -> None:
    """Trains all folds, as many at once as memory holds, and writes each as a run.

    `task` is that of all images, with the features that folds share, `settings` the record for
    checkpoints. Folds that are written are not trained again. Raises InputError, DivergedError, and
    KeyboardInterrupt once what is in training can be gone on with.
    """
    common, variables = shared_by_members(task), first_variables(task, configs)
    splits = feature_splits(task)
    trainable, _ = partition(variables[task.config.seed]["params"], task.network.labels)
    memory = member_memory(common, trainable, splits["train"].features)
    evaluate = jax.jit(
        make_member_evaluation(common, each=True), compiler_options=compiler_options()
    )
    steps = task.config.epochs * -(-len(splits["train"].labels) // task.steps.batch_size)
    chunks = member_chunks(range(len(folds)), memory, memory_budget(task.config))
    for number, places in enumerate(chunks):
        members, of_members = (
            [configs[place] for place in places],
            [folds[place] for place in places],
        )
        if all(Path(f"{config.output}", "metrics.json").exists() for config in members):
            continue
        with deferred() as interrupted:
            underway = train_chunk(
                common, members, places, splits, evaluate, first_chunk(common, members, variables),
                folder, settings, number * steps, interrupted, of_members,
            )  # fmt: skip
        _write(task, common, members, of_members, splits["train"], evaluate, underway)
    remove_state(folder)


def _write(
    task: Task,
    shared: Shared,
    configs: Sequence[Config],
    folds: Sequence[Fold],
    pool: FeatureSplit,
    evaluate: MemberEvaluation,
    underway: Underway,
) -> None:
    """Writes the folds of a chunk as runs. Raises DivergedError."""
    apart = apart_of(configs, pool.labels, folds)
    said = {
        name: predict_rows(
            evaluate, underway.measured, {}, pool, [getattr(fold, name) for fold in folds], apart,
            name, bar,
        )
        for name in Fold._fields
    }  # fmt: skip
    features = means_of_places(pool.features.evaluation).astype(np.float32)
    for index, (config, fold) in enumerate(zip(configs, folds, strict=True)):
        history = underway.histories[index]
        _check_converged(config, underway.diverged[index], history)
        member = row(underway.measured, index)
        state = member._replace(params=combine(member.params, shared.frozen))
        predictions = {
            name: predictions_of(
                logits[index], means(totals[index]), task.targets.answer_codes
            )._replace(features=features[getattr(fold, name)])
            for name, (logits, totals) in said.items()
        }
        of_fold = task._replace(config=config, dataset=dataset_of_fold(task.dataset, fold))
        write_brief_run(of_fold, state, history, predictions)
        say(f"Fold {config.fold} is written to {config.output}")


def _check_converged(config: Config, diverged: int, history: Sequence[Epoch]) -> None:
    if diverged:
        rate = history[diverged - 1].lr
        raise DivergedError(
            f"fold {config.fold} diverged in epoch {diverged} with learning rate {rate:g}; lower "
            "`lr` or add `warmup_epochs`",
            diverged,
        )
