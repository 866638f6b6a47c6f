"""One run from settings to artifacts."""

import dataclasses
import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from tqdm.auto import tqdm

from jaxcovid import config as configuration
from jaxcovid import models
from jaxcovid.audit import audit, digests, frozen_paths
from jaxcovid.config import Config
from jaxcovid.data import loader, sources
from jaxcovid.data.dataset import Dataset, Split
from jaxcovid.errors import InputError, check
from jaxcovid.initial_weights import Initial, initial_variables
from jaxcovid.losses import Loss, balanced_weights, cross_entropy
from jaxcovid.optimizers import optimizer, schedule
from jaxcovid.report import artifacts, record, text
from jaxcovid.report.artifacts import Epoch, Predictions
from jaxcovid.train import Batch, Totals, TrainState, init_state, make_eval_step, make_train_step
from jaxcovid.trainable import PlanRow, freeze, label, live_norms, plan
from weights_convert import Entry, table
from weights_convert.cache import cache_folder

EVALUATION_BATCH = 32


class Task(NamedTuple):
    """Everything that a run computes with, decided before its first step."""

    config: Config
    dataset: Dataset
    initial: Initial
    entries: tuple[Entry, ...]
    plan: list[PlanRow]
    frozen: frozenset[str]
    state: TrainState
    learning_rate: Callable[[int], Any]
    # Jitted, from indices or uint8 images on.
    train_step: Any
    eval_step: Any
    warnings: tuple[str, ...]


class Means(NamedTuple):
    """Over the examples of an epoch or a split."""

    loss: float
    accuracy: float


def run(config: Config) -> Path:
    """Trains, measures and saves; returns the run's folder. Raises InputError.

    Every check comes before the folder is made, so that bad input leaves nothing behind.
    """
    check(configuration.problems(config))
    config = _resolve(config)
    # On accelerators the default is a faster product of fewer bits, also of float32 numbers.
    with jax.default_matmul_precision("float32" if config.precision == "float32" else "default"):
        task = prepare(config)
        print(text.announcement(config, task.dataset, task.initial.source, task.plan))
        for warning in task.warnings:
            print(f"Warning: {warning}")
        folder = _make_folder(config)
        artifacts.write_config(
            folder, record.record(config, task.dataset, task.initial.source, task.warnings)
        )

        before = digests(task.state.params, task.state.batch_stats)
        try:
            state, history = fit(task, folder)
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            raise InputError(["not enough memory on the device; lower --batch-size"]) from None
        after = digests(state.params, state.batch_stats)
        result = audit(before, after, task.frozen)
        predictions = {
            name: predict(task.eval_step, state, split, name)
            for name, split in task.dataset.splits.items()
        }
    measured = artifacts.measure(task.dataset, predictions)
    if result.frozen_unchanged:
        artifacts.write_weights(folder, config, task.dataset.classes, task.entries, state)
    artifacts.write_results(folder, config, task.dataset, history, predictions, measured, result)
    if not result.frozen_unchanged:
        listed = ", ".join(result.violations)
        raise RuntimeError(f"frozen leaves changed in training, which must never be: {listed}")
    print(text.summary(folder, measured, result))
    return folder


def prepare(config: Config) -> Task:
    """Reads data and weights and builds the steps. Raises InputError."""
    dataset = sources.load(
        config.data, cache_folder(), skip_unreadable=config.skip_unreadable, progress=_progress
    )
    dataset = sources.limit_train(dataset, config.limit_train, config.seed)
    train = dataset.splits["train"]
    classes = len(dataset.classes)
    module = models.build(
        config.model, classes, config.head, config.dropout, jnp.dtype(config.precision)
    )
    entries = table(config.model, classes, config.head, config.dropout > 0)
    initial = initial_variables(config, module, entries, dataset.classes)
    params, batch_stats = initial.variables["params"], initial.variables["batch_stats"]
    labels = label(params, config.model, config.trainable, entries)
    norms = live_norms(batch_stats, labels, config.batch_norm)
    head_rate, backbone_rate = _schedules(config, len(train.labels))
    update = freeze(_optimizer(config, head_rate), _optimizer(config, backbone_rate), labels)
    loss = cross_entropy(
        balanced_weights(train.labels, classes) if config.class_weights == "balanced" else None
    )
    return Task(
        config,
        dataset,
        initial,
        entries,
        plan(params, labels, norms),
        frozen_paths(labels, batch_stats, norms),
        init_state(
            initial.variables, update, labels, loader.purpose_key(config.seed, loader.DROPOUT)
        ),
        head_rate,
        _train_from_arrays(config, make_train_step(module, loss, update, labels, norms)),
        _eval_from_arrays(module, loss),
        (*initial.warnings, *dataset.warnings),
    )


def fit(task: Task, folder: Path) -> tuple[TrainState, list[Epoch]]:
    """Trains all epochs, adding a line to history.csv each. Raises InputError on divergence."""
    config, train = task.config, task.dataset.splits["train"]
    pixels = (train.augmentable, train.sizes) if config.augment else (train.evaluation, train.sizes)
    data = jax.device_put((*pixels, train.labels))
    state, history = task.state, []
    print("Compiling the training step", flush=True)
    batch_size = _batch_size(config, train)
    example = next(loader.batches(np.arange(1), batch_size))
    step = task.train_step.lower(state, data, example, np.int32(0)).compile()
    for epoch in range(1, config.epochs + 1):
        started = time.perf_counter()
        state, training = _fit_epoch(task, step, state, data, epoch)
        seconds = time.perf_counter() - started
        validation = predict(task.eval_step, state, task.dataset.splits["validation"], "validation")
        steps = int(state.step)
        history.append(
            Epoch(
                epoch,
                steps,
                float(task.learning_rate(steps - 1)),
                training.loss,
                training.accuracy,
                validation.loss,
                validation.accuracy,
                round(seconds, 3),
                round(len(train.labels) / seconds, 2),
            )
        )
        artifacts.write_history(folder, history)
        print(text.epoch_line(history[-1], config.epochs), flush=True)
        # XLA may turn NaN into a number inside a network, so the loss alone does not tell.
        if not (np.isfinite(validation.loss) and _finite(state)):
            raise _diverged(task, "validation loss or the weights", steps, epoch)
    return state, history


def predict(eval_step: Any, state: TrainState, split: Split, name: str) -> Predictions:
    """Probabilities of every image of a split, each exactly once whatever the batch size."""
    labels = split.labels.clip(0)  # unlabelled images get a class that nobody reads
    parts = list(loader.batches(np.arange(len(labels)), EVALUATION_BATCH))
    results = [
        eval_step(
            state.params,
            state.batch_stats,
            split.evaluation[part.indices],
            labels[part.indices],
            part.mask,
        )
        for part in _progress(parts, f"Evaluating {name}", len(parts))
    ]
    logits = jnp.concatenate([logits for logits, _ in results])[: len(labels)]
    probabilities = np.asarray(jax.nn.softmax(logits, axis=-1))
    sums = np.array(jax.device_get([totals for _, totals in results]), np.float64).sum(0)
    return Predictions(probabilities, *_means(sums))


def _fit_epoch(
    task: Task, step: Callable, state: TrainState, data: tuple, epoch: int
) -> tuple[TrainState, Means]:
    config, examples = task.config, len(data[2])
    order = loader.epoch_order(config.seed, epoch, examples)
    batch_size = _batch_size(config, task.dataset.splits["train"])
    sums = np.zeros(4)
    with tqdm(total=examples, desc=f"Epoch {epoch}", unit="image", leave=False) as bar:

        def look(totals: Totals, number: int) -> None:
            nonlocal sums
            values = np.array([float(value) for value in totals])
            if not np.isfinite(values[0]):
                raise _diverged(task, "loss", number, epoch)
            sums = sums + values
            means = _means(sums)
            bar.set_postfix_str(
                f"loss {means.loss:.4f}, accuracy {means.accuracy:.3f}", refresh=False
            )
            bar.update(int(values[3]))

        # Looking at a step's numbers waits for it, so look at those of the step before.
        number, waiting = int(state.step), None
        for part in loader.batches(order, batch_size):
            state, totals = step(state, data, part, np.int32(epoch))
            if waiting is not None:
                look(waiting, number)
            number, waiting = number + 1, totals
        if waiting is not None:
            look(waiting, number)
    return state, _means(sums)


def _means(sums: np.ndarray) -> Means:
    totals = Totals(*sums)
    return Means(float(totals.loss / totals.weight), float(totals.correct / totals.examples))


def _diverged(task: Task, what: str, step: int, epoch: int) -> InputError:
    rate = float(task.learning_rate(step - 1))
    return InputError(
        [
            f"training diverged: the {what} became infinite or NaN at step {step} (epoch {epoch}) "
            f"with learning rate {rate:g}; lower --lr or add --warmup-epochs"
        ]
    )


def _train_from_arrays(config: Config, train_step: Callable) -> Any:
    key = loader.purpose_key(config.seed, loader.AUGMENT)

    def step(state: TrainState, data: tuple, part: Any, epoch: jax.Array):
        images, sizes, labels = data
        if config.augment:
            pixels = loader.training_images(images, sizes, part.indices, key, epoch)
        else:
            pixels = loader.normalise(images[part.indices])
        return train_step(state, Batch(pixels, labels[part.indices], part.mask))

    return jax.jit(step, donate_argnums=0)


def _eval_from_arrays(module: models.Model, loss: Loss) -> Any:
    eval_step = make_eval_step(module, loss)

    def step(params: Any, batch_stats: Any, images: jax.Array, labels: jax.Array, mask: jax.Array):
        return eval_step(params, batch_stats, Batch(loader.normalise(images), labels, mask))

    return jax.jit(step)


@jax.jit
def _finite(state: TrainState) -> jax.Array:
    leaves = jax.tree.leaves((state.params, state.batch_stats))
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in leaves]).all()


def _batch_size(config: Config, train: Split) -> int:
    return min(config.batch_size, len(train.labels))


def _schedules(config: Config, examples: int) -> tuple[optax.Schedule, optax.Schedule]:
    per_epoch = -(-examples // config.batch_size)
    warmup = round(config.warmup_epochs * per_epoch)
    backbone = config.lr if config.backbone_lr is None else config.backbone_lr
    head_rate, backbone_rate = (
        schedule(config.schedule, peak, config.epochs * per_epoch, warmup)
        for peak in (config.lr, backbone)
    )
    return head_rate, backbone_rate


def _optimizer(config: Config, rate: optax.Schedule) -> optax.GradientTransformation:
    return optimizer(config.optimizer, rate, config.momentum, config.weight_decay)


def _resolve(config: Config) -> Config:
    """Puts in what depends on the machine or the clock, so that config.json holds final values."""
    precision, output = config.precision, config.output
    if precision == "auto":
        precision = "float32" if jax.default_backend() == "cpu" else "bfloat16"
    if output is None:
        trainable = re.sub(r"[^\w.-]+", "_", config.trainable)[:60]
        output = Path("runs", f"{config.model}-{trainable}-{datetime.now():%Y%m%d-%H%M%S}")
    return dataclasses.replace(config, precision=precision, output=output)


def _make_folder(config: Config) -> Path:
    assert config.output is not None
    try:
        config.output.mkdir(parents=True)
    except OSError as error:
        raise InputError([f"--output: cannot make {config.output} ({error.strerror})"]) from None
    return config.output


def _progress(items: Any, description: str, length: int) -> Iterator[Any]:
    return iter(tqdm(items, desc=description, total=length, leave=False, delay=0.5))
