"""Members that share a frozen part: trained together, chunk after chunk, in one program each."""

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from jaxcovid import parallel
from jaxcovid.compilation import compiler_options
from jaxcovid.config import Config
from jaxcovid.runs.progress import bar, say
from jaxcovid.runs.run import Deferred, write_trained
from jaxcovid.sweeps.chunk_training import (
    feature_splits,
    first_chunk,
    first_variables,
    shared_by_members,
    train_chunk,
)
from jaxcovid.sweeps.chunks import alike_members, member_chunks, member_memory
from jaxcovid.sweeps.metric import WORDS, Metric
from jaxcovid.sweeps.outcome import (
    Outcome,
    answered,
    best_outcome,
    member_figures,
    member_probabilities,
)
from jaxcovid.sweeps.state import (
    read_best,
    read_outcomes,
    write_best,
    write_outcomes,
)
from jaxcovid.training.epoch_choice import chosen_epoch
from jaxcovid.training.frozen_features import Kept
from jaxcovid.training.loop import Journal
from jaxcovid.training.member_loop import FeatureSplit, Underway, predict_members
from jaxcovid.training.members import (
    MemberEvaluation,
    Shared,
    make_member_evaluation,
    numbers_of,
    row,
)
from jaxcovid.training.setup import Task, prepare
from jaxcovid.training.trainable import combine, partition
from jaxcovid.training.training_data import memory_budget

# Seconds of work that may be lost when a sweep is killed.
SAVE_EVERY = 30

# What a reader of the best member's report must know.
CHOSEN = (
    "this run is the best of {} members of a sweep, chosen by its {} on the validation images, "
    "which therefore flatter it"
)


def train_together(
    task: Task,
    configs: Sequence[Config],
    folder: Path,
    settings: Mapping[str, Any],
    metric: Metric,
    deferred: Deferred,
) -> list[Outcome]:
    """Trains chunk after chunk of members; returns what became of them, in the order of places.

    `task` is that of the first member, with the features that all share; `settings` are the sweep's
    record, for checkpoints. What is done, and the best of it by `metric`, is written after every
    chunk. Raises InputError, and KeyboardInterrupt once what is in training can be gone on with.
    """
    common, variables = shared_by_members(task), first_variables(task, configs)
    splits = feature_splits(task)
    trainable, _ = partition(variables[configs[0].seed]["params"], task.network.labels)
    memory = member_memory(common, trainable, splits["validation"].features)
    chunks = [
        chunk
        for group in alike_members(configs)
        for chunk in member_chunks(group, memory, memory_budget(task.config))
    ]
    of_chunk = task.config.epochs * -(-len(splits["train"].labels) // task.steps.batch_size)
    outcomes = read_outcomes(folder)
    for number, places in enumerate(chunks):
        if set(places) <= {outcome.place for outcome in outcomes}:
            continue
        if len(chunks) > 1:
            say(f"Part {number + 1} of {len(chunks)}: {len(places)} members")
        members = [configs[place] for place in places]
        # What they do not differ in is taken from the first.
        shared = common._replace(config=members[0])
        evaluate = jax.jit(make_member_evaluation(shared), compiler_options=compiler_options())
        start = first_chunk(shared, members, variables)
        with deferred() as interrupted:
            underway = train_chunk(
                shared, members, places, splits, evaluate, start,
                folder, settings, number * of_chunk, interrupted,
            )  # fmt: skip
        outcomes += _outcomes(shared, members, places, task, splits, evaluate, underway)
        best = best_outcome(outcomes, metric)
        if best is not None and best.place in places:
            member = row(underway.measured, places.index(best.place))
            write_best(folder, settings, member, best.place, len(outcomes))
        write_outcomes(folder, outcomes)
    return sorted(outcomes, key=lambda outcome: outcome.place)


def write_best_run(
    task: Task,
    configs: Sequence[Config],
    outcomes: Sequence[Outcome],
    folder: Path,
    metric: Metric,
    kept: Kept,
) -> None:
    """Writes best/: the best member by `metric` as the run that it would have been alone, if any.

    `task` is that of the first member, `kept` the features that were computed for it. Raises
    InputError if the weights are not in the sweep's folder.
    """
    best = best_outcome(outcomes, metric)
    target = folder / "best"
    if best is None or (target / "metrics.json").exists():
        return
    shutil.rmtree(target, ignore_errors=True)  # of an export that was cut short
    say(f"Exporting the best member, number {best.place}, to {target}")
    config = dataclasses.replace(configs[best.place], output=target, resume=None)
    alone = prepare(config, task.dataset, task.devices, bar, parts=task.parts, kept=kept)
    trainable, frozen = partition(alone.state.params, alone.network.labels)
    member = read_best(folder, best.place, alone.state._replace(params=trainable))
    state = member._replace(params=combine(member.params, frozen), key=alone.state.key)
    state = parallel.replicate(state, alone.devices)
    chosen = CHOSEN.format(len(configs), WORDS[metric])
    warnings = (*alone.network.warnings, *task.dataset.warnings, chosen)
    write_trained(alone, state, Journal(history=best.history), warnings)


def _outcomes(
    shared: Shared,
    configs: Sequence[Config],
    places: Sequence[int],
    task: Task,
    splits: Mapping[str, FeatureSplit],
    evaluate: MemberEvaluation,
    underway: Underway,
) -> list[Outcome]:
    """What became of each member of a chunk."""
    figures: list[dict[str, Any]] = [{} for _ in places]
    answers: list[tuple[str, ...] | None] = [None for _ in places]
    numbers, classes = numbers_of(configs), task.dataset.classes
    for name, split in splits.items():
        if name == "train" or not len(split.labels) or (split.labels < 0).any():
            continue
        logits, _ = predict_members(evaluate, underway.measured, numbers, split, name, bar)
        for index, of_member in enumerate(logits):
            if underway.diverged[index]:
                continue
            probabilities = member_probabilities(of_member, shared.targets.scores)
            figures[index][name] = member_figures(probabilities, split.labels, classes)
            if name == "validation":
                answers[index] = answered(probabilities, classes)
    return [
        Outcome(
            place,
            diverged,
            history,
            of_member,
            classes_answered,
            chosen_epoch(shared.config, history).epoch,
        )
        for place, diverged, history, of_member, classes_answered in zip(
            places, underway.diverged, underway.histories, figures, answers, strict=True
        )
    ]
