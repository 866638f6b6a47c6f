"""Members that share a frozen part: trained together, chunk after chunk, in one program each."""

import dataclasses
import functools
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxcovid import parallel
from jaxcovid.compilation import compiler_options
from jaxcovid.config import Config
from jaxcovid.data import loader
from jaxcovid.models.convolution import as_product
from jaxcovid.runs.progress import bar, say
from jaxcovid.runs.run import Deferred, write_trained
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
    read_underway,
    underway_writer,
    write_best,
    write_outcomes,
)
from jaxcovid.training import member_loop
from jaxcovid.training.epoch_choice import chosen_epoch
from jaxcovid.training.frozen_features import Kept
from jaxcovid.training.initial_weights import initial_variables
from jaxcovid.training.loop import Journal
from jaxcovid.training.member_loop import FeatureSplit, Underway, predict_members
from jaxcovid.training.members import (
    MemberEvaluation,
    Shared,
    first_members,
    make_member_evaluation,
    numbers_of,
    row,
    stacked,
)
from jaxcovid.training.pytrees import Variables
from jaxcovid.training.sampling import sampling_groups
from jaxcovid.training.setup import Task, prepare
from jaxcovid.training.step import Totals
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
    common, variables = _shared(task), _variables(task, configs)
    splits = _splits(task)
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
        start = _start(shared, members, variables)
        with deferred() as interrupted:
            underway = _trained(
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


def _trained(
    shared: Shared,
    configs: Sequence[Config],
    places: Sequence[int],
    splits: Mapping[str, FeatureSplit],
    evaluate: MemberEvaluation,
    start: Underway,
    folder: Path,
    settings: Mapping[str, Any],
    first_step: int,
    interrupted: Callable[[], bool],
) -> Underway:
    """The chunk after its last epoch. Raises KeyboardInterrupt once that can be gone on with."""
    underway, warnings = read_underway(folder, places, start)
    for warning in warnings:
        say(f"Warning: {warning}")
    if underway is not start:
        say(f"Going on in epoch {underway.epoch}, after step {underway.steps} of it")
    batch_size = min(shared.config.batch_size, len(splits["train"].labels))
    per_epoch = -(-len(splits["train"].labels) // batch_size)
    saved = time.monotonic()
    with underway_writer(folder, settings, places, first_step) as save:
        for underway in member_loop.fit(  # noqa: B020 (each is the next of the last)
            shared, configs, splits, evaluate, underway, interrupted, bar
        ):
            stopped = underway.steps > 0 or interrupted()
            if stopped or time.monotonic() - saved > SAVE_EVERY:
                save(underway, (underway.epoch - 1) * per_epoch + underway.steps)
                saved = time.monotonic()
            if stopped:
                raise KeyboardInterrupt
            say(_epoch_line(underway, shared.config.epochs))
    return underway


def _epoch_line(underway: Underway, epochs: int) -> str:
    last = [history[-1] for history in underway.histories]
    accuracies = [
        row.validation_accuracy
        for row, diverged in zip(last, underway.diverged, strict=True)
        if not diverged
    ]
    reach = f"{min(accuracies):.3f} to {max(accuracies):.3f}" if accuracies else "none"
    fallen = len(last) - len(accuracies)
    return (
        f"Epoch {last[0].epoch} of {epochs}: validation accuracy {reach}, "
        f"{f'{fallen} diverged, ' if fallen else ''}{last[0].seconds:.1f} s"
    )


def _shared(task: Task) -> Shared:
    network = task.network
    assert task.frozen is not None
    return Shared(
        config=task.config,
        parts=task.parts,
        model=network.model.clone(convolution=as_product),
        start=task.frozen.start,
        labels=network.labels,
        live_norms=network.live_norms,
        targets=task.targets,
        train_labels=task.dataset.splits["train"].labels,
        frozen=partition(task.state.params, network.labels)[1],
    )


def _splits(task: Task) -> dict[str, FeatureSplit]:
    assert task.frozen is not None
    groups = {"train": sampling_groups(task.config, task.dataset)}
    return {
        name: FeatureSplit(task.frozen.features(name, bool), split.labels, groups.get(name))
        for name, split in task.dataset.splits.items()
    }


def _variables(task: Task, configs: Sequence[Config]) -> dict[int, Variables]:
    """The first variables of each seed: they differ in what trains and is new."""
    network, classes = task.network, task.dataset.classes
    by_seed = {config.seed: config for config in reversed(configs)}
    initial = functools.partial(
        initial_variables,
        module=network.model,
        entries=network.entries,
        classes=classes,
        labels=network.labels,
    )
    return {seed: initial(config).variables for seed, config in by_seed.items()}


def _start(
    shared: Shared, configs: Sequence[Config], variables: Mapping[int, Variables]
) -> Underway:
    of_members = [variables[config.seed] for config in configs]
    keys = [loader.purpose_key(config.seed, loader.DROPOUT) for config in configs]
    trainable = stacked([partition(first["params"], shared.labels)[0] for first in of_members])
    batch_stats = stacked([first["batch_stats"] for first in of_members])
    numbers = numbers_of(configs)
    return Underway(
        first_members(shared, numbers, trainable, batch_stats, stacked(keys)),
        np.zeros((len(configs), len(Totals._fields))),
        0,
        ((),) * len(configs),
        (0,) * len(configs),
    )


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
