"""One run from settings to artifacts."""

import contextlib
import dataclasses
import fcntl
import os
import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import jax

from jaxcovid import config as configuration
from jaxcovid import parallel
from jaxcovid.config import Config
from jaxcovid.errors import InputError, Interrupted, check, first_line
from jaxcovid.report import text
from jaxcovid.results import Training, gather
from jaxcovid.runs import artifacts, files, record, resume
from jaxcovid.runs.progress import bar, progress
from jaxcovid.training import checkpoint
from jaxcovid.training.freeze_audit import audit, digests
from jaxcovid.training.frozen_features import Kept
from jaxcovid.training.loop import Journal, epochs, evaluate, plain, restored_journal
from jaxcovid.training.setup import Task, load_data, prepare
from jaxcovid.training.step import TrainState
from weights_convert.cache import cache_folder

# While entered, interruptions only make the function that it gives return True.
Deferred = Callable[[], AbstractContextManager[Callable[[], bool]]]


def fine_tune(
    config: Config,
    deferred: Deferred = lambda: contextlib.nullcontext(bool),
    kept: Kept | None = None,
) -> Path:
    """Trains, measures and saves, or goes on with that; returns the run's folder.

    `kept` are features of earlier runs, for this one to use and to add to. Raises InputError, and
    Interrupted once there is something to go on with. Every check comes before the folder is made,
    so that bad input leaves nothing behind.
    """
    check(configuration.problems(config))
    parallel.start(config.coordinator, config.num_processes, config.process_id)
    config = resolve(config)
    # On accelerators the default is a faster product of fewer bits, also of float32 numbers.
    precision = "float32" if config.precision == "float32" else "default"
    with jax.default_matmul_precision(precision), alone_in(config.resume):
        try:
            return _run(config, deferred, kept)
        except jax.errors.JaxRuntimeError as error:
            raise told(config, error) from None


def _run(config: Config, deferred: Deferred, kept: Kept | None) -> Path:
    before = resume.before(config)
    dataset = load_data(config, cache_folder(), progress)
    if parallel.agreed(dataset.fingerprint) != dataset.fingerprint:
        raise InputError(["--data: not all processes see the same images; give all the same data"])
    if before is not None:
        check(resume.differences(config, dataset, before.record))
    newest = before.newest if before is not None else None
    task = prepare(config, dataset, parallel.devices(config.parallel), bar, newest, kept)
    journal, warnings = Journal(), [*task.warnings, *dataset.warnings]
    if before is not None and newest is not None:
        journal, warnings = restored_journal(newest), before.warnings
    settings = record.record(config, dataset, task.weights_source, warnings)

    say(text.announcement(config, dataset, task.weights_source, task.plan))
    for warning in warnings:
        say(f"Warning: {warning}")
    if newest is not None:
        say(f"Going on after step {newest.step}, in epoch {len(journal.history) + 1}")
    try:
        folder = _make_folder(config, settings)
        with alone_in(folder if before is None else None):
            if before is not None and jax.process_index() == 0:
                # Only now, when nothing speaks against going on without these.
                checkpoint.set_aside(folder, before.damaged)
            parallel.agreed("")
            with deferred() as interrupted:
                state, journal = _train(task, journal, folder, settings, interrupted)
            _finish(task, state, journal, folder, settings)
    except KeyboardInterrupt:
        assert config.output is not None
        if (config.output / "config.json").exists():
            raise Interrupted(config.output) from None
        raise
    return folder


def _train(
    task: Task,
    journal: Journal,
    folder: Path,
    settings: Mapping[str, Any],
    interrupted: Callable[[], bool],
) -> tuple[TrainState, Journal]:
    """The epochs that are left, each a line on the terminal and in history.csv."""
    state = task.state
    with checkpoint.writer(folder, settings) as save:
        say("Compiling the training step")
        for after, seen in epochs(task, journal, save, interrupted, bar):
            state, journal = after, seen
            if jax.process_index() == 0:
                artifacts.write_history(folder, journal.history)
            say(text.epoch_line(journal.history[-1], task.config.epochs))
    if parallel.any_process(task.devices)(interrupted()):
        raise KeyboardInterrupt
    return state, journal


def export(task: Task, state: TrainState, journal: Journal, warnings: Sequence[str]) -> Path:
    """The folder of a run that was trained elsewhere, as part of a sweep."""
    config = task.config
    settings = record.record(config, task.dataset, task.weights_source, warnings)
    folder = _make_folder(config, settings)
    with checkpoint.writer(folder, settings) as save:
        save(state, plain(task, journal), journal.history[-1].validation_loss)
    artifacts.write_history(folder, journal.history)
    _finish(task, state, journal, folder, settings)
    return folder


def _finish(
    task: Task, state: TrainState, journal: Journal, folder: Path, settings: Mapping[str, Any]
) -> None:
    """Proves that what was frozen is unchanged, measures every split and writes the results."""
    config, dataset = task.config, task.dataset
    result = audit(task.before, digests(state.params, state.batch_stats), task.frozen)
    predictions = {name: evaluate(task, state, name, bar) for name in dataset.splits}
    if jax.process_index() == 0:
        say("Measuring and explaining")
        results = gather(
            f"{config.model}, training {config.trainable}, on {dataset.name}",
            dataset,
            predictions,
            task.explain(state),
            settings,
            codes=task.codes,
            training=Training(task.plan, result, journal.history, task.views()),
        )
        if result.frozen_unchanged:
            artifacts.write_weights(
                folder, config, dataset.classes, task.codes, task.entries, state, results.thresholds
            )
        artifacts.write_results(folder, results, bar)
        if result.frozen_unchanged:
            say(text.summary(results))
            say(text.where(folder))
    if not result.frozen_unchanged:
        listed = ", ".join(result.violations)
        raise RuntimeError(f"frozen leaves changed in training, which must never be: {listed}")
    parallel.agreed("done")  # the others wait until everything is written


def told(config: Config, error: Exception) -> Exception:
    """What to say of an error of the devices."""
    if "RESOURCE_EXHAUSTED" in str(error):
        return InputError(["not enough memory on the device; lower --batch-size"])
    if jax.process_count() > 1:
        return InputError(
            [
                f"another process of this run ended or cannot be reached ({first_line(error)}); "
                f"start all again with --resume {shlex.quote(str(config.output))}"
            ]
        )
    return error


def resolve(config: Config) -> Config:
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
                with files.folder_aside(folder) as aside:
                    artifacts.write_config(aside, settings)
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


@contextlib.contextmanager
def alone_in(run: Path | None) -> Iterator[None]:
    """Keeps a second resume of a run out; the system lifts the lock when a process dies."""
    if run is None or not run.is_dir() or jax.process_index() > 0:
        yield
        return
    folder = os.open(run, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # of file systems that know no locks
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError([f"--resume: {run} is being trained at this moment"]) from None
        yield
    finally:
        os.close(folder)


def say(message: str) -> None:
    """On the terminal, by process 0 alone."""
    if jax.process_index() == 0:
        print(message, flush=True)
