"""The training loop: steps, epochs, validation; with checkpoints, and a stop wherever asked."""

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float

from jaxcovid import parallel
from jaxcovid.errors import DivergedError
from jaxcovid.results import Epoch
from jaxcovid.training.checkpoint import Checkpoint, Save
from jaxcovid.training.epoch_choice import training_ends
from jaxcovid.training.evaluation import (
    Bar,
    Predictions,
    images_of,
    means,
    means_of_places,
    predict_split,
)
from jaxcovid.training.frozen_features import feature_batches
from jaxcovid.training.images_together import images_together
from jaxcovid.training.setup import Task
from jaxcovid.training.step import Totals, TrainState
from jaxcovid.training.work import Inputs

# (state, *inputs, epoch) to a new state and the totals of each step.
CompiledSteps = Callable[..., tuple[TrainState, Totals]]


class Journal(NamedTuple):
    """What training has seen, besides its state: sums of the epoch so far, and earlier epochs.

    `sums` are those of Totals over the examples of the epoch.
    """

    sums: tuple[float, ...] = (0.0,) * len(Totals._fields)
    history: tuple[Epoch, ...] = ()


def epochs(
    task: Task, journal: Journal, save: Save, interrupted: Callable[[], bool], bar: Bar
) -> Iterator[tuple[TrainState, Journal]]:
    """State and journal after each epoch that is left, from where `task.state` and `journal` are.

    A checkpoint is saved before the first step, every `checkpoint_every` steps, and after each
    epoch when the next one is asked for. Raises DivergedError if the loss or the weights become
    infinite or NaN, and KeyboardInterrupt, after saving a checkpoint, if `interrupted` says so.
    """
    state, config = task.state, task.config
    if int(state.step) == 0:
        save(0, state, journal_record(task, journal))
    compiled: dict[int, CompiledSteps] = {}
    if not training_ends(config, journal.history):
        count, inputs = next(task.steps.work.inputs(1, 0))
        compiled[count] = _compile(task, state, inputs)
    while not training_ends(config, journal.history):
        epoch, started, before = len(journal.history) + 1, time.perf_counter(), journal.sums[3]
        state, journal = _fit_epoch(task, state, journal, compiled, save, interrupted, bar)
        seconds = time.perf_counter() - started
        try:
            validation = evaluate_split(task, state, "validation", bar, interrupted, epoch)
        except KeyboardInterrupt:
            save(int(state.step), state, journal_record(task, journal), wait=True)
            raise
        if validation.batch_stats is not None:
            state = state._replace(batch_stats=validation.batch_stats)
        training, steps = means(journal.sums), int(state.step)
        row = Epoch(
            epoch,
            steps,
            task.steps.learning_rate(steps - 1),
            training.loss,
            training.accuracy,
            validation.loss,
            validation.accuracy,
            round(seconds, 3),
            round((journal.sums[3] - before) / seconds, 2),
        )
        journal = Journal(history=(*journal.history, row))
        yield state, journal
        # XLA may turn NaN into a number inside a network, so the loss alone does not tell.
        if not (np.isfinite(validation.loss) and _finite(state)):
            raise _diverged(task, "validation loss or the weights", steps, epoch)
        save(steps, state, journal_record(task, journal), validation.loss)


def evaluate_split(
    task: Task,
    state: TrainState,
    name: str,
    bar: Bar,
    interrupted: Callable[[], bool] = bool,
    epoch: int = 0,
) -> Predictions:
    """Probabilities, loss and accuracy of the split of that name, in evaluation mode.

    `epoch` is that whose point of the curves this is, 0 after training. Raises KeyboardInterrupt
    after the batch in which `interrupted` says so.
    """
    config, split = task.config, task.dataset.splits[name]
    # One batch size for all splits, so that one program is compiled.
    largest = max(len(split.labels) for split in task.dataset.splits.values())
    size, order, read = min(config.eval_batch_size, largest), np.arange(len(split.labels)), None
    values = None
    if task.frozen is not None:
        values = task.frozen.features(name, interrupted).evaluation
        read = functools.partial(feature_batches, values, split.labels)
    elif task.parts.evaluation is not None:
        size = min(size, len(split.labels))
        order, read = task.parts.evaluation.reading(config, name, split, epoch)
    elif task.parts.curve is None:
        size = min(size, images_together(task.network.model, task.devices))
    predictions = predict_split(
        task.steps.evaluate,
        {"params": state.params, "batch_stats": state.batch_stats},
        read or images_of(split),
        order,
        task.devices,
        functools.partial(bar, desc=f"Evaluating {name}"),
        task.targets.answer_codes,
        size,
        interrupted,
        task.parts.curve if epoch else None,
        task.targets.independent,
        with_features=not epoch,
    )
    if values is not None and not epoch:
        predictions = predictions._replace(features=means_of_places(values).astype(np.float32))
    return predictions


def _fit_epoch(
    task: Task,
    state: TrainState,
    journal: Journal,
    compiled: dict[int, CompiledSteps],
    save: Save,
    interrupted: Callable[[], bool],
    bar: Bar,
) -> tuple[TrainState, Journal]:
    """The rest of an epoch, from where the state's step number says."""
    epoch, examples = len(journal.history) + 1, len(task.dataset.splits["train"].labels)
    per_epoch = -(-examples // task.steps.batch_size)
    every, step = task.config.checkpoint_every, int(state.step)
    any_interrupted = parallel.any_process(task.devices)
    sums, stopping, waiting = np.array(journal.sums), False, None

    def seen() -> Journal:
        return journal._replace(sums=tuple(sums.tolist()))

    with bar(total=examples, initial=int(sums[3]), desc=f"Epoch {epoch}", unit="image") as progress:

        def look(totals: Totals, any_asked: bool | Array, last: int) -> None:
            nonlocal sums, stopping
            stopping = stopping or bool(any_asked)
            before, sums = sums, _added(task, sums, totals, last, epoch)
            progress.update(int(sums[3] - before[3]))
            loss, accuracy = means(sums)
            progress.set_postfix_str(f"loss {loss:.4f}, accuracy {accuracy:.3f}", refresh=False)

        for count, inputs in task.steps.work.inputs(epoch, step - (epoch - 1) * per_epoch):
            if count not in compiled:
                compiled[count] = _compile(task, state, inputs)
            state, totals = compiled[count](state, *inputs, np.int32(epoch))
            step += count
            # Looking at a step's numbers waits for it, so look at those of the step before.
            if waiting is not None:
                look(*waiting)
            waiting = totals, any_interrupted(interrupted()), step
            due = every is not None and step % every == 0 and step < epoch * per_epoch
            if due or stopping:
                look(*waiting)
                waiting = None
                if stopping:
                    break
                save(step, state, journal_record(task, seen()))
        if waiting is not None:
            look(*waiting)
        if stopping:
            save(step, state, journal_record(task, seen()), wait=True)
            raise KeyboardInterrupt
    return state, seen()


def _added(
    task: Task, sums: Float[np.ndarray, "total"], totals: Totals, last: int, epoch: int
) -> Float[np.ndarray, "total"]:
    """The sums with those of the steps up to `last`, one after another. Raises DivergedError."""
    rows = np.stack([np.atleast_1d(value) for value in totals], 1).astype(np.float64)
    for step, row in enumerate(rows, last - len(rows) + 1):
        if not np.isfinite(row[0]):
            raise _diverged(task, "loss", step, epoch)
        sums = sums + (row if task.parts.curve is None else task.parts.curve(row))
    return sums


def restored_journal(checkpoint: Checkpoint) -> Journal:
    """The journal that `journal_record` put into a checkpoint."""
    saved = checkpoint.account["journal"]
    return Journal(tuple(saved["sums"]), tuple(Epoch(*row) for row in saved["history"]))


def journal_record(task: Task, journal: Journal) -> dict[str, Any]:
    """What a checkpoint keeps besides the state, as JSON values: the journal, and the digests of
    all leaves before training.
    """
    return {**journal._asdict(), "before": task.network.digests}


def _compile(task: Task, state: TrainState, inputs: Inputs) -> CompiledSteps:
    if task.devices.pmap and jax.process_count() > 1:
        # pmap compiles for the batch of all, but is called with a share of it.
        return task.steps.work.compiled
    return task.steps.work.compiled.lower(state, *inputs, np.int32(1)).compile()


def _diverged(task: Task, what: str, step: int, epoch: int) -> DivergedError:
    rate = task.steps.learning_rate(step - 1)
    return DivergedError(
        f"training diverged: the {what} became infinite or NaN at step {step} (epoch {epoch}) "
        f"with learning rate {rate:g}; lower `lr` or add `warmup_epochs`",
        epoch,
    )


def _finite(state: TrainState) -> bool:
    # On the host: a program of so many leaves takes seconds to compile.
    leaves = jax.tree.leaves(jax.device_get((state.params, state.batch_stats)))
    return all(np.isfinite(leaf).all() for leaf in leaves)
