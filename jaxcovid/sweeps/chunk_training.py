"""A chunk of members that share a frozen part, from their first step to their last.

Those of a sweep differ in settings and seeds, those of folds in the images that they train on.
"""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxcovid.config import Config
from jaxcovid.data import loader
from jaxcovid.data.folds import Fold
from jaxcovid.models.convolution import as_product
from jaxcovid.runs.progress import bar, say
from jaxcovid.sweeps.state import read_underway, underway_writer
from jaxcovid.training import member_loop
from jaxcovid.training.initial_weights import initial_variables
from jaxcovid.training.member_loop import FeatureSplit, Underway, training_counts
from jaxcovid.training.members import (
    MemberEvaluation,
    Shared,
    first_members,
    numbers_of,
    stacked,
)
from jaxcovid.training.pytrees import Variables
from jaxcovid.training.sampling import sampling_groups
from jaxcovid.training.setup import Task
from jaxcovid.training.step import Totals
from jaxcovid.training.trainable import partition

# Seconds of work that may be lost when it is killed.
SAVE_EVERY = 30


def train_chunk(
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
    folds: Sequence[Fold] | None = None,
) -> Underway:
    """The chunk after its last epoch. Raises KeyboardInterrupt once that can be gone on with.

    `folds` are the images of each member, if they do not all train on the same.
    """
    underway, warnings = read_underway(folder, places, start)
    for warning in warnings:
        say(f"Warning: {warning}")
    if underway is not start:
        say(f"Going on in epoch {underway.epoch}, after step {underway.steps} of it")
    counts = training_counts(configs, splits["train"], folds)
    steps = [-(-count // shared.config.batch_size) for count in counts]
    per_epoch = max(steps)
    if folds is not None:
        underway = _with_own_steps(underway, steps)
    saved = time.monotonic()
    with underway_writer(folder, settings, places, first_step) as save:
        for underway in member_loop.fit(  # noqa: B020 (each is the next of the last)
            shared, configs, splits, evaluate, underway, interrupted, bar, folds
        ):
            stopped = underway.steps > 0 or interrupted()
            if stopped or time.monotonic() - saved > SAVE_EVERY:
                save(underway, (underway.epoch - 1) * per_epoch + underway.steps)
                saved = time.monotonic()
            if stopped:
                raise KeyboardInterrupt
            say(_epoch_line(underway, shared.config.epochs))
    return underway


def _with_own_steps(underway: Underway, per_epoch: Sequence[int]) -> Underway:
    """The chunk with as many steps counted of each member as it has made."""
    made = [(underway.epoch - 1) * steps + min(underway.steps, steps) for steps in per_epoch]
    members = underway.members._replace(step=jnp.array(made, jnp.int32))
    return underway._replace(members=members)


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


def shared_by_members(task: Task) -> Shared:
    """What all members have of the task of the first."""
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


def feature_splits(task: Task) -> dict[str, FeatureSplit]:
    """The features of all splits, which all members share."""
    assert task.frozen is not None
    groups = {"train": sampling_groups(task.config, task.dataset)}
    return {
        name: FeatureSplit(task.frozen.features(name, bool), split.labels, groups.get(name))
        for name, split in task.dataset.splits.items()
    }


def first_variables(task: Task, configs: Sequence[Config]) -> dict[int, Variables]:
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


def first_chunk(
    shared: Shared, configs: Sequence[Config], variables: Mapping[int, Variables]
) -> Underway:
    """A chunk before its first step; `variables` are as `first_variables` gives them."""
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
