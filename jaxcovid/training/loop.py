"""The training loop: steps, epochs, validation; with checkpoints, and a stop wherever asked."""

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcovid import parallel
from jaxcovid.assignment.mistakes import shuffled
from jaxcovid.errors import DivergedError
from jaxcovid.results import Epoch
from jaxcovid.training.checkpoint import Checkpoint, Save
from jaxcovid.training.evaluation import Bar, Predictions, means, predict
from jaxcovid.training.setup import Task
from jaxcovid.training.step import Totals, TrainState


class Journal(NamedTuple):
    """What training has seen, besides its state: sums of the epoch so far, and earlier epochs."""

    sums: tuple[float, ...] = (0.0,) * len(Totals._fields)
    history: tuple[Epoch, ...] = ()


def epochs(
    task: Task, journal: Journal, save: Save, interrupted: Callable[[], bool], bar: Bar
) -> Iterator[tuple[TrainState, Journal]]:
    """State and journal after each epoch that is left.

    Raises DivergedError, and KeyboardInterrupt after saving a checkpoint.
    """
    state, config = task.state, task.config
    if int(state.step) == 0:
        save(state, plain(task, journal))
    compiled: dict[int, Any] = {}
    if len(journal.history) < config.epochs:
        count, inputs = next(task.work(1, 0))
        compiled[count] = _compile(task, state, inputs)
    while len(journal.history) < config.epochs:
        epoch, started, seen = len(journal.history) + 1, time.perf_counter(), journal.sums[3]
        state, journal = _fit_epoch(task, state, journal, compiled, save, interrupted, bar)
        seconds = time.perf_counter() - started
        try:
            validation = evaluate(task, state, "validation", bar, interrupted)
        except KeyboardInterrupt:
            save(state, plain(task, journal), wait=True)
            raise
        training, steps = means(journal.sums), int(state.step)
        row = Epoch(
            epoch,
            steps,
            float(task.learning_rate(steps - 1)),
            training.loss,
            training.accuracy,
            validation.loss,
            validation.accuracy,
            round(seconds, 3),
            round((journal.sums[3] - seen) / seconds, 2),
        )
        journal = Journal(history=(*journal.history, row))
        yield state, journal
        # XLA may turn NaN into a number inside a network, so the loss alone does not tell.
        if not (np.isfinite(validation.loss) and _finite(state)):
            raise _diverged(task, "validation loss or the weights", steps, epoch)
        save(state, plain(task, journal), validation.loss)


def evaluate(
    task: Task, state: TrainState, name: str, bar: Bar, interrupted: Callable[[], bool] = bool
) -> Predictions:
    """What the network says of a split of the task's data.

    Raises KeyboardInterrupt if interrupted.
    """
    config, order = task.config, None
    # One batch size for all splits, so that one program is compiled.
    size = min(config.eval_batch_size, max(len(each.labels) for each in task.splits.values()))
    if "train_mode_evaluation" in config.habits:
        count = len(task.splits[name].labels)
        size, order = min(size, count), shuffled(count, config.seed)
    return predict(
        task.eval_step,
        {"params": state.params, "batch_stats": state.batch_stats},
        task.splits[name],
        task.devices,
        functools.partial(bar, desc=f"Evaluating {name}"),
        task.codes,
        size,
        order,
        interrupted,
    )


def _fit_epoch(
    task: Task,
    state: TrainState,
    journal: Journal,
    compiled: dict[int, Any],
    save: Save,
    interrupted: Callable[[], bool],
    bar: Bar,
) -> tuple[TrainState, Journal]:
    """The rest of an epoch, from where the state's step number says."""
    epoch, examples = len(journal.history) + 1, len(task.dataset.splits["train"].labels)
    per_epoch = -(-examples // task.batch_size)
    every, number = task.config.checkpoint_every, int(state.step)
    any_interrupted = parallel.any_process(task.devices)
    sums, asked = np.array(journal.sums), False

    with bar(total=examples, initial=int(sums[3]), desc=f"Epoch {epoch}", unit="image") as shown:

        def look(totals: Totals, any_asked: Any, last: int) -> None:
            nonlocal sums, asked
            asked = asked or bool(any_asked)
            steps = np.stack([np.atleast_1d(value) for value in totals], 1).astype(np.float64)
            for index, step in enumerate(steps, last - len(steps) + 1):
                if not np.isfinite(step[0]):
                    raise _diverged(task, "loss", index, epoch)
                sums = sums + step
                shown.update(int(step[3]))
            mean = means(sums)
            shown.set_postfix_str(
                f"loss {mean.loss:.4f}, accuracy {mean.accuracy:.3f}", refresh=False
            )

        def save_here(wait: bool) -> None:
            save(state, plain(task, journal._replace(sums=tuple(sums.tolist()))), wait=wait)

        # Looking at a step's numbers waits for it, so look at those of the step before.
        waiting = None
        for count, inputs in task.work(epoch, number - (epoch - 1) * per_epoch):
            if count not in compiled:
                compiled[count] = _compile(task, state, inputs)
            state, totals = compiled[count](state, *inputs, np.int32(epoch))
            number += count
            if waiting is not None:
                look(*waiting)
            waiting = totals, any_interrupted(interrupted()), number
            due = every is not None and number % every == 0 and number < epoch * per_epoch
            if due or asked:
                look(*waiting)
                waiting = None
                if asked:
                    break
                save_here(wait=False)
        if waiting is not None:
            look(*waiting)
        if asked:
            save_here(wait=True)
            raise KeyboardInterrupt
    return state, journal._replace(sums=tuple(sums.tolist()))


def restored_journal(checkpoint: Checkpoint) -> Journal:
    """The journal that was saved with a state."""
    saved = checkpoint.account["journal"]
    return Journal(tuple(saved["sums"]), tuple(Epoch(*row) for row in saved["history"]))


def plain(task: Task, journal: Journal) -> dict[str, Any]:
    """As JSON, for a checkpoint."""
    return {**journal._asdict(), "before": task.before}


def _compile(task: Task, state: TrainState, inputs: tuple[Any, ...]) -> Any:
    if task.devices.pmap and jax.process_count() > 1:
        return task.train_step  # pmap compiles for the batch of all, but is called with a share
    return task.train_step.lower(state, *inputs, np.int32(1)).compile()


def _diverged(task: Task, what: str, step: int, epoch: int) -> DivergedError:
    rate = float(task.learning_rate(step - 1))
    return DivergedError(
        f"training diverged: the {what} became infinite or NaN at step {step} (epoch {epoch}) "
        f"with learning rate {rate:g}; lower --lr or add --warmup-epochs",
        epoch,
    )


@jax.jit
def _finite(state: TrainState) -> jax.Array:
    leaves = jax.tree.leaves((state.params, state.batch_stats))
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in leaves]).all()
