"""One run from settings to artifacts."""

import contextlib
import dataclasses
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from tqdm.auto import tqdm

from jaxcovid import checkpoint, parallel
from jaxcovid import config as configuration
from jaxcovid.audit import audit, digests
from jaxcovid.checkpoint import Checkpoint, Save
from jaxcovid.config import Config
from jaxcovid.data import loader
from jaxcovid.data.dataset import Dataset, Split
from jaxcovid.errors import InputError, Interrupted, check
from jaxcovid.report import artifacts, record, text
from jaxcovid.report.artifacts import Epoch, Predictions
from jaxcovid.task import Task, load_data, prepare
from jaxcovid.train import Totals, TrainState
from weights_convert.cache import cache_folder

EVALUATION_BATCH = 32

# While entered, interruptions only make the function that it gives return True.
Deferred = Callable[[], AbstractContextManager[Callable[[], bool]]]


class Progress(NamedTuple):
    """How far training is, besides its state: sums of the epoch so far, and the epochs before."""

    sums: tuple[float, ...] = (0.0,) * len(Totals._fields)
    history: tuple[Epoch, ...] = ()


class Means(NamedTuple):
    """Over the examples of an epoch or a split."""

    loss: float
    accuracy: float


def run(config: Config, deferred: Deferred = lambda: contextlib.nullcontext(bool)) -> Path:
    """Trains, measures and saves, or goes on with that; returns the run's folder.

    Raises InputError, and Interrupted once there is something to go on with. Every check comes
    before the folder is made, so that bad input leaves nothing behind.
    """
    check(configuration.problems(config))
    parallel.start(config.coordinator, config.num_processes, config.process_id)
    config = _resolve(config)
    # On accelerators the default is a faster product of fewer bits, also of float32 numbers.
    with jax.default_matmul_precision("float32" if config.precision == "float32" else "default"):
        try:
            return _run(config, deferred)
        except jax.errors.JaxRuntimeError as error:
            raise _told(config, error) from None


def _run(config: Config, deferred: Deferred) -> Path:
    newest, damaged = _newest(config)
    dataset = load_data(config, cache_folder(), _progress)
    if parallel.agreed(dataset.fingerprint) != dataset.fingerprint:
        raise InputError(["--data: not all processes see the same images; give all the same data"])
    before = _settings_before(config, newest)
    check(_differences(config, dataset, before))
    task = prepare(config, dataset, parallel.devices(config.parallel), newest)
    _set_aside(config, damaged)
    progress = Progress()
    warnings = [*task.warnings, *dataset.warnings]
    if newest is not None:
        saved = newest.account["progress"]
        progress = Progress(tuple(saved["sums"]), tuple(Epoch(*row) for row in saved["history"]))
        warnings = [*newest.account["settings"]["warnings"]]
        warnings += [f"{each}; going on from step {newest.step}" for each in damaged.values()]
        warnings += record.changed_surroundings(newest.account["settings"])
    settings = record.record(config, dataset, task.weights_source, warnings)

    _say(text.announcement(config, dataset, task.weights_source, task.plan))
    for warning in warnings:
        _say(f"Warning: {warning}")
    if newest is not None:
        _say(f"Going on after step {newest.step}, in epoch {len(progress.history) + 1}")
    try:
        folder = _make_folder(config, settings)
        with deferred() as interrupted:
            with checkpoint.writer(folder, settings) as save:
                state, progress = fit(task, progress, folder, save, interrupted)
            if parallel.any_process(task.devices)(interrupted()):
                raise KeyboardInterrupt
        _finish(task, state, progress, folder)
    except KeyboardInterrupt:
        assert config.output is not None
        if (config.output / "config.json").exists():
            raise Interrupted(config.output) from None
        raise
    return folder


def fit(
    task: Task, progress: Progress, folder: Path, save: Save, interrupted: Callable[[], bool]
) -> tuple[TrainState, Progress]:
    """Trains the epochs that are left, adding a line to history.csv each.

    Raises InputError on divergence, and KeyboardInterrupt after saving a checkpoint.
    """
    state, config = task.state, task.config
    validation_split = task.dataset.splits["validation"]
    if int(state.step) == 0:
        save(state, _plain(task, progress))
    compiled: dict[int, Any] = {}
    if len(progress.history) < config.epochs:
        _say("Compiling the training step")
        count, inputs = next(task.work(1, 0))
        compiled[count] = _compile(task, state, inputs)
    while len(progress.history) < config.epochs:
        epoch, started, seen = len(progress.history) + 1, time.perf_counter(), progress.sums[3]
        state, progress = _fit_epoch(task, state, progress, compiled, save, interrupted)
        seconds = time.perf_counter() - started
        try:
            validation = predict(task, state, validation_split, "validation", interrupted)
        except KeyboardInterrupt:
            save(state, _plain(task, progress), wait=True)
            raise
        training, steps = _means(progress.sums), int(state.step)
        row = Epoch(
            epoch,
            steps,
            float(task.learning_rate(steps - 1)),
            training.loss,
            training.accuracy,
            validation.loss,
            validation.accuracy,
            round(seconds, 3),
            round((progress.sums[3] - seen) / seconds, 2),
        )
        progress = Progress(history=(*progress.history, row))
        if jax.process_index() == 0:
            artifacts.write_history(folder, progress.history)
        _say(text.epoch_line(row, config.epochs))
        # XLA may turn NaN into a number inside a network, so the loss alone does not tell.
        if not (np.isfinite(validation.loss) and _finite(state)):
            raise _diverged(task, "validation loss or the weights", steps, epoch)
        save(state, _plain(task, progress), validation.loss)
    return state, progress


def predict(
    task: Task,
    state: TrainState,
    split: Split,
    name: str,
    interrupted: Callable[[], bool] = bool,
) -> Predictions:
    """Probabilities of every image of a split, each exactly once whatever the batch size.

    Raises KeyboardInterrupt if interrupted.
    """
    order = np.arange(len(split.labels))
    largest = max(len(each.labels) for each in task.dataset.splits.values())
    parts = list(loader.batches(order, min(EVALUATION_BATCH, largest), task.devices.mesh.size))
    own = [parallel.own_rows(part) for part in parts]
    results = []
    for examples in _progress(loader.read(split, own, False), f"Evaluating {name}", len(parts)):
        inputs = parallel.shares(examples, task.devices)
        results.append(task.eval_step(state.params, state.batch_stats, inputs))
        # Several processes must stop at the same place, which is after the next training step.
        if jax.process_count() == 1 and interrupted():
            raise KeyboardInterrupt
    logits, totals = jax.device_get(tuple(zip(*results, strict=True)))
    real = [rows[part.mask == 1] for rows, part in zip(logits, parts, strict=True)]
    probabilities = np.asarray(jax.nn.softmax(np.concatenate(real), axis=-1))
    return Predictions(probabilities, *_means(np.array(totals, np.float64).sum(0)))


def _fit_epoch(
    task: Task,
    state: TrainState,
    progress: Progress,
    compiled: dict[int, Any],
    save: Save,
    interrupted: Callable[[], bool],
) -> tuple[TrainState, Progress]:
    """The rest of an epoch, from where the state's step number says."""
    epoch, examples = len(progress.history) + 1, len(task.dataset.splits["train"].labels)
    per_epoch = -(-examples // task.batch_size)
    every, number = task.config.checkpoint_every, int(state.step)
    any_interrupted = parallel.any_process(task.devices)
    sums, asked = np.array(progress.sums), False

    with _bar(total=examples, initial=int(sums[3]), desc=f"Epoch {epoch}", unit="image") as bar:

        def look(totals: Totals, any_asked: Any, last: int) -> None:
            nonlocal sums, asked
            asked = asked or bool(any_asked)
            steps = np.stack([np.atleast_1d(value) for value in totals], 1).astype(np.float64)
            for index, step in enumerate(steps, last - len(steps) + 1):
                if not np.isfinite(step[0]):
                    raise _diverged(task, "loss", index, epoch)
                sums = sums + step
                bar.update(int(step[3]))
            means = _means(sums)
            bar.set_postfix_str(
                f"loss {means.loss:.4f}, accuracy {means.accuracy:.3f}", refresh=False
            )

        def so_far() -> Progress:
            return progress._replace(sums=tuple(sums.tolist()))

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
                save(state, _plain(task, so_far()), wait=asked)
            if asked:
                raise KeyboardInterrupt
        if waiting is not None:
            look(*waiting)
        if asked:
            save(state, _plain(task, so_far()), wait=True)
            raise KeyboardInterrupt
    return state, so_far()


def _finish(task: Task, state: TrainState, progress: Progress, folder: Path) -> None:
    """Proves that what was frozen is unchanged, measures every split and writes the results."""
    config, dataset = task.config, task.dataset
    result = audit(task.before, digests(state.params, state.batch_stats), task.frozen)
    predictions = {
        name: predict(task, state, split, name) for name, split in dataset.splits.items()
    }
    measured = artifacts.measure(dataset, predictions)
    if jax.process_index() == 0:
        if result.frozen_unchanged:
            artifacts.write_weights(folder, config, dataset.classes, task.entries, state)
        artifacts.write_results(
            folder, config, dataset, progress.history, predictions, measured, result
        )
    if not result.frozen_unchanged:
        listed = ", ".join(result.violations)
        raise RuntimeError(f"frozen leaves changed in training, which must never be: {listed}")
    _say(text.summary(folder, measured, result))
    parallel.agreed("done")  # the others wait until everything is written


def _newest(config: Config) -> tuple[Checkpoint | None, dict[int, str]]:
    """Of the run to go on with: the newest whole checkpoint, and what is wrong with later ones."""
    if config.resume is None:
        return None, {}
    if (config.resume / "metrics.json").exists():
        raise InputError(
            [
                f"--resume: {config.resume} is finished; to train on from its weights, start a new "
                f"run with --weights {config.resume}"
            ]
        )
    found, damaged = checkpoint.newest(config.resume)
    if damaged and found is None:
        raise InputError(
            [
                f"--resume: every checkpoint of {config.resume} is damaged; to start it from the "
                f"beginning, delete its folder {checkpoint.FOLDER}",
                *damaged.values(),
            ]
        )
    step = str(found.step if found else None)
    if parallel.agreed(step) != step:
        raise InputError([f"--resume: not all processes can read the same of {config.resume}"])
    return found, damaged


def _set_aside(config: Config, damaged: Mapping[int, str]) -> None:
    """Only now, when nothing speaks against going on without these."""
    parallel.agreed("")  # all processes have read them
    if config.resume is not None and jax.process_index() == 0:
        checkpoint.set_aside(config.resume, damaged)


def _settings_before(config: Config, newest: Checkpoint | None) -> Mapping[str, Any]:
    """The record of the run to go on with; of a new run nothing."""
    if config.resume is None:
        return {}
    if newest is not None:
        return newest.account["settings"]
    return json.loads((config.resume / "config.json").read_text())


def _differences(config: Config, dataset: Dataset, before: Mapping[str, Any]) -> list[str]:
    """What would make the rest of a run another run."""
    if not before:
        return []
    flags = json.loads(json.dumps(dataclasses.asdict(config), default=str))
    pairs = {
        f"--{name.replace('_', '-')}": (before.get(name), value)
        for name, value in flags.items()
        if name not in configuration.INCIDENTAL
    }
    pairs["classes"] = (before["dataset"]["classes"], list(dataset.classes))
    pairs["content of the data (fingerprint)"] = (before["data_fingerprint"], dataset.fingerprint)
    found = [f"  {name}: {old} then, {new} now" for name, (old, new) in pairs.items() if old != new]
    return [
        f"--resume: {config.resume} was made with other settings; leave them out, or start a new "
        "run:",
        *found,
    ] if found else []  # fmt: skip


def _plain(task: Task, progress: Progress) -> dict[str, Any]:
    """As JSON, for a checkpoint."""
    return {**progress._asdict(), "before": task.before}


def _compile(task: Task, state: TrainState, inputs: tuple[Any, ...]) -> Any:
    if task.devices.pmap and jax.process_count() > 1:
        return task.train_step  # pmap compiles for the batch of all, but is called with a share
    return task.train_step.lower(state, *inputs, np.int32(1)).compile()


def _means(sums: Sequence[float] | np.ndarray) -> Means:
    loss, weight, correct, examples = sums  # as in Totals
    return Means(float(loss / weight), float(correct / examples))


def _diverged(task: Task, what: str, step: int, epoch: int) -> InputError:
    rate = float(task.learning_rate(step - 1))
    return InputError(
        [
            f"training diverged: the {what} became infinite or NaN at step {step} (epoch {epoch}) "
            f"with learning rate {rate:g}; lower --lr or add --warmup-epochs"
        ]
    )


def _told(config: Config, error: Exception) -> Exception:
    """What to say of an error of the devices."""
    if "RESOURCE_EXHAUSTED" in str(error):
        return InputError(["not enough memory on the device; lower --batch-size"])
    if jax.process_count() > 1:
        return InputError(
            [
                f"another process of this run ended or cannot be reached ({_first_line(error)}); "
                f"start all again with --resume {config.output}"
            ]
        )
    return error


@jax.jit
def _finite(state: TrainState) -> jax.Array:
    leaves = jax.tree.leaves((state.params, state.batch_stats))
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in leaves]).all()


def _resolve(config: Config) -> Config:
    """Puts in what depends on the machine or the clock, so that config.json holds final values."""
    precision, output = config.precision, config.output
    if precision == "auto":
        precision = "float32" if jax.default_backend() == "cpu" else "bfloat16"
    if output is None:
        trainable = re.sub(r"[^\w.-]+", "_", config.trainable)[:60]
        name = f"{config.model}-{trainable}-{datetime.now():%Y%m%d-%H%M%S}"
        output = Path("runs", parallel.agreed(name))
    return dataclasses.replace(config, precision=precision, output=output)


def _make_folder(config: Config, settings: Mapping[str, Any]) -> Path:
    """The run's folder with config.json in it: either both are there or neither."""
    folder, problem = config.output, ""
    assert folder is not None
    if jax.process_index() == 0:
        try:
            if config.resume is None:
                aside = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
                try:
                    aside.mkdir(parents=True)
                    artifacts.write_config(aside, settings)
                    aside.rename(folder)
                finally:
                    shutil.rmtree(aside, ignore_errors=True)
            else:
                artifacts.write_config(folder, settings)
        except OSError as error:
            problem = f"--output: cannot make {folder} ({error.strerror})"
    problem = parallel.agreed(problem)
    for _ in range(20):  # a disk over the network may take some seconds to show it
        if problem or folder.is_dir():
            break
        time.sleep(0.5)
        list(folder.absolute().parent.iterdir())
    else:
        problem = f"--output: {folder} must be on a disk that all processes share"
    check([problem] if problem else [])
    return folder


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _say(message: str) -> None:
    if jax.process_index() == 0:
        print(message, flush=True)


def _bar(items: Any = None, **options: Any) -> tqdm:
    return tqdm(items, leave=False, disable=jax.process_index() > 0, **options)


def _progress(items: Any, description: str, length: int) -> Iterator[Any]:
    return iter(_bar(items, desc=description, total=length, delay=0.5))
