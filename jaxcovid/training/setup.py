"""What a run computes with: data, first state and compiled steps, decided before its first step."""

import contextlib
import functools
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float

from jaxcovid import models, parallel
from jaxcovid.assignment import mistakes
from jaxcovid.config import Config
from jaxcovid.data import loader, patients, sources
from jaxcovid.data.dataset import Dataset, Split
from jaxcovid.data.disk import Progress
from jaxcovid.data.loader import Examples, Indices
from jaxcovid.data.merge import merged
from jaxcovid.inference.grad_cam import compiled_grad_cam
from jaxcovid.models import Model
from jaxcovid.parallel import Devices
from jaxcovid.results import Explain
from jaxcovid.training import checkpoint, frozen_features
from jaxcovid.training.checkpoint import Checkpoint
from jaxcovid.training.evaluation import Bar, EvalStep, compiled_eval_step
from jaxcovid.training.freeze_audit import digests, frozen_paths
from jaxcovid.training.frozen_features import Kept
from jaxcovid.training.initial_weights import Initial, initial_variables
from jaxcovid.training.label_codes import class_scores, codes
from jaxcovid.training.losses import Codes
from jaxcovid.training.recipe import learning_rates, loss_function, update_rule
from jaxcovid.training.step import (
    Batch,
    Scores,
    TrainState,
    as_they_are,
    init_state,
    make_train_step,
)
from jaxcovid.training.trainable import PlanRow, label, live_norms, plan
from weights_convert import Entry, table

# Steps that an accelerator makes without looking up, and the share of its memory for images.
SCANNED, IMAGES_SHARE = 64, 0.25

# Training images that a report shows at most.
SHOWN = 8


class Task(NamedTuple):
    """Everything that a run computes with."""

    config: Config
    dataset: Dataset
    # What the steps read: the images, or features of them.
    splits: Mapping[str, Split]
    # What each class is coded as, where classes imply others.
    codes: Codes | None
    # Which of these a class is given by, for the loss; and what of the outputs is compared.
    outputs: Codes
    scores: Scores
    # The network, "head", "backbone" or "frozen" by parameter, and the batch norms that learn.
    model: Model
    labels: Any
    norms: frozenset[str]
    # The stage that is given features, if there are any.
    start: str | None
    devices: Devices
    weights_source: str
    warnings: tuple[str, ...]
    entries: tuple[Entry, ...]
    plan: list[PlanRow]
    frozen: frozenset[str]
    # Digests of all leaves before training.
    before: dict[str, str]
    state: TrainState
    learning_rate: Callable[[int], Any]
    batch_size: int
    # work(epoch, first step) gives the inputs of the epoch's steps from there on: one at a time, or
    # many for an accelerator to scan over.
    work: Callable[[int, int], Iterator[tuple[int, tuple[Any, ...]]]]
    # (state, *inputs, epoch) to a new state and the totals of each step.
    train_step: Any
    eval_step: EvalStep
    # What tells where the network of a state looks.
    explain: Callable[[TrainState], Explain]
    # The first training images, as the network sees them.
    views: Callable[[], Any]


def load_data(config: Config, cache: Path, progress: Progress) -> Dataset:
    """The images of `--data`, in memory if they fit in it, and who is in them. Raises InputError.

    Of several processes each reads only its share of every batch of a folder's images, so none
    holds all in memory.
    """
    known = patients.read(config.patients) if config.patients else None
    budget = memory_budget(config)
    dataset = sources.load(
        config.data,
        cache,
        skip_unreadable=config.skip_unreadable,
        memory_budget=budget if jax.process_count() == 1 else -1,
        progress=progress,
    )
    dataset = sources.limit_train(dataset, config.limit_train, config.seed)
    assigned = patients.assign(dataset.splits, dataset.classes, known)
    dataset = dataset._replace(
        patients=assigned.groups, warnings=(*dataset.warnings, *assigned.warnings)
    )
    return merged(dataset, config.merge)


def prepare(
    config: Config,
    dataset: Dataset,
    devices: Devices,
    bar: Bar,
    resumed: Checkpoint | None = None,
    kept: Kept | None = None,
) -> Task:
    """Reads weights, or takes those of the checkpoint, and builds the steps. Raises InputError.

    `kept` are features of earlier runs, for this one to use and to add to.
    """
    train = dataset.splits["train"]
    classes = len(dataset.classes)
    options = (config.model, classes, config.head, config.dropout, jnp.dtype(config.precision))
    entries = table(config.model, classes, config.head, config.dropout > 0)
    module = models.build(*options)
    abstract: Any = jax.eval_shape(module.init, jax.random.key(0), frozen_features.BLANK)
    labels = label(abstract["params"], config.model, config.trainable, entries)
    norms = live_norms(abstract.get("batch_stats", {}), labels, config.batch_norm)
    if resumed is None:
        initial = initial_variables(config, module, entries, dataset.classes, labels)
        before = digests(initial.variables["params"], initial.variables["batch_stats"])
    else:
        initial = Initial(resumed.model, resumed.account["settings"]["weights_source"])
        before = resumed.account["journal"]["before"]
    params, batch_stats = initial.variables["params"], initial.variables["batch_stats"]
    update = update_rule(config, labels, len(train.labels))
    outputs = codes(dataset.classes, config.multilabel)
    by_codes = bool(config.multilabel) and "covid_and_normal" not in config.habits
    loss = loss_function(config, outputs, train.labels)
    scores = functools.partial(class_scores, codes=outputs) if by_codes else as_they_are
    key = loader.purpose_key(config.seed, loader.DROPOUT)
    state = init_state(initial.variables, update, labels, key)
    if resumed is not None:
        state = checkpoint.restored(resumed, state)

    shared = models.build(*options, axis_name=parallel.AXIS)
    splits, start = dataset.splits, None
    if config.views:
        start = frozen_features.first_stage(module, labels, norms)
        unchanged = frozen_paths(labels, batch_stats, norms)
        splits = frozen_features.kept_or_new(
            {} if kept is None else kept,
            # All that features depend on.
            (
                dataset.fingerprint,
                *((name, split.paths) for name, split in dataset.splits.items()),
                *sorted((path, before[path]) for path in unchanged),
                *(config.model, start, config.precision, config.views, config.augment),
            ),
            dataset.splits,
            lambda: frozen_features.cached(
                dataset.splits,
                shared,
                parallel.replicate(initial.variables, devices),
                start,
                devices,
                views=config.views if config.augment else 0,
                memory_budget=memory_budget(config),
                bar=bar,
            ),
            memory_budget(config),
        )
    forward = None
    if "train_mode_evaluation" in config.habits:
        # A key of its own: that of the state is given away to the first step.
        own_key = loader.purpose_key(config.seed, loader.DROPOUT)
        forward = mistakes.train_mode(shared, own_key)
    train_step = make_train_step(shared, loss, update, labels, norms, scores, start)
    step = _from_features(train_step) if config.views else _from_examples(config, train_step)
    batch_size = min(config.batch_size, len(train.labels))
    if config.views:
        work = _stepwise(config, splits["train"], devices, batch_size)
        steps, split = step, (False, True, False)
    elif _resident(train, devices):
        work = _scanned(config, train, devices, batch_size)
        steps, split = _from_arrays(step), (False, False, True, False)
    else:
        work = _stepwise(config, train, devices, batch_size)
        steps, split = step, (False, True, False)
    return Task(
        config,
        dataset,
        splits,
        outputs if by_codes else None,
        outputs,
        scores,
        module,
        labels,
        norms,
        start,
        devices,
        initial.source,
        (*initial.warnings, *mistakes.warnings(config.habits)),
        entries,
        plan(params, labels, norms),
        frozen_paths(labels, batch_stats, norms),
        before,
        parallel.replicate(state, devices),
        learning_rates(config, len(train.labels))[0],
        batch_size,
        work,
        parallel.spread(steps, devices, split, donate=(0,)),
        compiled_eval_step(shared, loss, devices, scores, start, forward),
        lambda state: compiled_grad_cam(module, _on_host(state)),
        lambda: _views(config, train, batch_size),
    )


def _stepwise(config: Config, train: Split, devices: Devices, batch_size: int) -> Callable:
    """Work of one step each, its images gathered on the host."""

    def work(epoch: int, first: int) -> Iterator[tuple[int, tuple[Examples]]]:
        order = loader.epoch_order(config.seed, epoch, len(train.labels))
        parts = list(loader.batches(order, batch_size, devices.mesh.size))[first:]
        own = [parallel.own_rows(part) for part in parts]
        now = train
        if config.views and config.augment:
            now = train._replace(augmentable=train.augmentable[(epoch - 1) % config.views])
        for examples in loader.read(now, own, config.augment):
            yield 1, (parallel.shares(examples, devices),)

    return work


def _scanned(config: Config, train: Split, devices: Devices, batch_size: int) -> Callable:
    """Work of many steps, on images that lie on the devices."""
    pixels = train.augmentable if config.augment else train.evaluation
    data = parallel.replicate((pixels, train.sizes, train.labels), devices)
    every = config.checkpoint_every or SCANNED

    def work(epoch: int, first: int) -> Iterator[tuple[int, tuple[Any, Indices]]]:
        order = loader.epoch_order(config.seed, epoch, len(train.labels))
        parts = list(loader.batches(order, batch_size, devices.mesh.size))
        before = (epoch - 1) * len(parts)
        while first < len(parts):
            # Up to the next checkpoint, so that it is where it would be step by step.
            count = min(SCANNED, len(parts) - first, every - (before + first) % every)
            count = 1 << (count.bit_length() - 1)  # a power of 2: every length is compiled once
            stacked = jax.tree.map(lambda *rows: np.stack(rows, 1), *parts[first : first + count])
            yield count, (data, parallel.shares(stacked, devices))
            first += count

    return work


def _from_examples(config: Config, train_step: Callable) -> Callable:
    key = loader.purpose_key(config.seed, loader.AUGMENT)

    def step(state: TrainState, examples: Examples, epoch: jax.Array):
        if config.augment:
            pixels = loader.training_images(examples, key, epoch)
        else:
            pixels = loader.normalise(examples.images)
        return train_step(state, Batch(pixels, examples.labels, examples.mask))

    return step


def _from_features(train_step: Callable) -> Callable:
    def step(state: TrainState, examples: Examples, epoch: jax.Array):
        features = examples.images.astype(jnp.float32)
        return train_step(state, Batch(features, examples.labels, examples.mask))

    return step


def _from_arrays(step: Callable) -> Callable:
    """Many steps in one program; on CPU a loop over convolutions is slower than single steps."""

    def steps(state: TrainState, data: Any, parts: Indices, epoch: jax.Array):
        images, sizes, labels = data

        def one(state: TrainState, part: Any):
            at = part.indices
            examples = Examples(images[at], sizes[at], at, labels[at], part.mask)
            return step(state, examples, epoch)

        return lax.scan(one, state, jax.tree.map(lambda rows: rows.T, parts))

    return steps


def _on_host(state: TrainState) -> dict[str, Any]:
    # Of several processes one computes alone what it explains.
    variables = {"params": state.params, "batch_stats": state.batch_stats}
    return jax.tree.map(np.asarray, variables)


def _views(config: Config, train: Split, batch_size: int) -> Float[np.ndarray, "n 224 224 3"]:
    """The first training images of the first epoch, normalised."""
    order = loader.epoch_order(config.seed, 1, len(train.labels))
    part = Indices(*(rows[:SHOWN] for rows in next(loader.batches(order, batch_size))))
    (examples,) = loader.read(train, [part], config.augment)
    key = loader.purpose_key(config.seed, loader.AUGMENT)
    if not config.augment:
        return np.asarray(loader.normalise(examples.images))
    return np.asarray(jax.jit(loader.training_images)(examples, key, np.int32(1)))


def _resident(train: Split, devices: Devices) -> bool:
    """Whether the images are to lie on the devices: on accelerators, if there is room."""
    first = devices.mesh.devices.flat[0]
    if first.platform == "cpu" or jax.process_count() > 1:
        return False
    if not isinstance(train.augmentable, np.ndarray):
        return False
    limit = (first.memory_stats() or {}).get("bytes_limit", math.inf)
    return train.augmentable.nbytes <= IMAGES_SHARE * limit


def memory_budget(config: Config) -> float:
    """Bytes that images, or features of them, may take."""
    return 1e9 * config.memory_budget if config.memory_budget is not None else half_of_memory()


def half_of_memory() -> float:
    """Bytes: half of what the machine, or its container, has."""
    limits = []
    with contextlib.suppress(ValueError, OSError):
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(ValueError, OSError):  # what a container may use
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(limits, default=8e9) / 2
