"""Networks of folds and seeds that share a frozen part: trained together, each written as a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxcovid.compilation import compiler_options
from jaxcovid.config import Config
from jaxcovid.data.folds import Fold, dataset_of_fold
from jaxcovid.errors import DivergedError, check
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
from jaxcovid.training.evaluation import Predictions, means, means_of_places, predictions_of
from jaxcovid.training.member_loop import (
    FeatureSplit,
    Underway,
    apart_of,
    predict_members,
    predict_rows,
)
from jaxcovid.training.members import (
    MemberEvaluation,
    Shared,
    make_member_evaluation,
    numbers_of,
    row,
)
from jaxcovid.training.setup import Task
from jaxcovid.training.trainable import combine, partition
from jaxcovid.training.training_data import memory_budget


def train_ensemble_together(
    task: Task,
    configs: Sequence[Config],
    folds: Sequence[Fold],
    folder: Path,
    settings: Mapping[str, Any],
    deferred: Deferred,
) -> None:
    """Trains all networks, as many at once as memory holds, and writes each as a run.

    `task` is that of all images, with the features that the networks share. `configs` name the fold
    of each, if there are `folds`; without, all train on the same images. `settings` are the record
    for checkpoints. Networks that are written are not trained again. Raises InputError,
    DivergedError, and KeyboardInterrupt once what is in training can be gone on with.
    """
    common, variables = shared_by_members(task), first_variables(task, configs)
    splits = feature_splits(task)
    trainable, _ = partition(variables[task.config.seed]["params"], task.network.labels)
    memory = member_memory(common, trainable, splits["train"].features)
    evaluate = jax.jit(
        make_member_evaluation(common, each=bool(folds)), compiler_options=compiler_options()
    )
    steps = task.config.epochs * -(-len(splits["train"].labels) // task.steps.batch_size)
    chunks = member_chunks(range(len(configs)), memory, memory_budget(task.config))
    check(_in_the_way(configs))
    for number, places in enumerate(chunks):
        members = [configs[place] for place in places]
        if all(map(_is_written, members)):
            continue
        of_members = [folds[config.fold - 1] for config in members if folds and config.fold]
        with deferred() as interrupted:
            underway = train_chunk(
                common, members, places, splits, evaluate, first_chunk(common, members, variables),
                folder, settings, number * steps, interrupted, of_members or None,
            )  # fmt: skip
        _check_converged(members, underway)
        predictions = _predictions(task, members, of_members or None, splits, evaluate, underway)
        _write(task, common, members, of_members or None, predictions, underway)
    remove_state(folder)


def _write(
    task: Task,
    shared: Shared,
    configs: Sequence[Config],
    folds: Sequence[Fold] | None,
    predictions: Sequence[Mapping[str, Predictions]],
    underway: Underway,
) -> None:
    """Writes those networks of a chunk as runs that are not written."""
    for index, config in enumerate(configs):
        if _is_written(config):
            continue
        member = row(underway.measured, index)
        state = member._replace(params=combine(member.params, shared.frozen))
        dataset = task.dataset if folds is None else dataset_of_fold(task.dataset, folds[index])
        of_network = task._replace(config=config, dataset=dataset)
        write_brief_run(of_network, state, underway.histories[index], predictions[index])
        say(f"Written to {config.output}")


def _is_written(config: Config) -> bool:
    return config.output is not None and (config.output / "metrics.json").exists()


def _in_the_way(configs: Sequence[Config]) -> list[str]:
    """A sentence for each folder of a network that is there and is no finished run."""
    return [
        f"`resume`: {config.output} is not as it was written (it has no metrics.json); move it "
        "away, and it is made anew"
        for config in configs
        if config.output is not None and config.output.exists() and not _is_written(config)
    ]


def _predictions(
    task: Task,
    configs: Sequence[Config],
    folds: Sequence[Fold] | None,
    splits: Mapping[str, FeatureSplit],
    evaluate: MemberEvaluation,
    underway: Underway,
) -> list[dict[str, Predictions]]:
    """What each network says of its splits, or of those of its fold."""
    features = {
        name: means_of_places(split.features.evaluation).astype(np.float32)
        for name, split in splits.items()
    }
    if folds is None:
        numbers, members = numbers_of(configs), underway.measured
        said = {
            name: predict_members(evaluate, members, numbers, split, name, bar)
            for name, split in splits.items()
        }
        seen = [features for _ in configs]
    else:
        pool = splits["train"]
        apart = apart_of(configs, pool.labels, folds)
        said = {
            name: predict_rows(
                evaluate, underway.measured, {}, pool, [getattr(fold, name) for fold in folds],
                apart, name, bar,
            )
            for name in Fold._fields
        }  # fmt: skip
        seen = [
            {name: features["train"][rows] for name, rows in fold._asdict().items()}
            for fold in folds
        ]
    codes = task.targets.answer_codes
    return [
        {
            name: predictions_of(logits[index], means(totals[index]), codes)._replace(
                features=of_splits[name]
            )
            for name, (logits, totals) in said.items()
        }
        for index, of_splits in enumerate(seen)
    ]


def _check_converged(configs: Sequence[Config], underway: Underway) -> None:
    """Raises DivergedError if a network of the chunk diverged."""
    for config, diverged, history in zip(
        configs, underway.diverged, underway.histories, strict=True
    ):
        if diverged:
            name = "" if config.output is None else config.output.name
            rate = history[diverged - 1].lr
            raise DivergedError(
                f"{name} diverged in epoch {diverged} with learning rate {rate:g}; lower `lr` or "
                "add `warmup_epochs`",
                diverged,
            )
