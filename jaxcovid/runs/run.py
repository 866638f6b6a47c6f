"""One run from settings to artifacts."""

import contextlib
import dataclasses
import fcntl
import functools
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxcovid import config_problems, parallel, report
from jaxcovid.audits.blind_floor import trial_of
from jaxcovid.config import Config
from jaxcovid.data.dataset import Dataset
from jaxcovid.errors import InputError, Interrupted, check, first_line
from jaxcovid.inference.grad_cam import compiled_grad_cam
from jaxcovid.inference.out_of_place import Familiar
from jaxcovid.report import text
from jaxcovid.results import FindingResults, Results, Training
from jaxcovid.runs import artifacts, record, resume
from jaxcovid.runs.audit import audit_data, with_check
from jaxcovid.runs.familiar import compared, familiar_of_run
from jaxcovid.runs.feature_files import feature_store
from jaxcovid.runs.finding_artifacts import write_findings
from jaxcovid.runs.gather import gather_results
from jaxcovid.runs.gather_findings import gather_findings
from jaxcovid.runs.progress import bar, progress, say, warn
from jaxcovid.runs.study import read_study
from jaxcovid.training import checkpoint
from jaxcovid.training.epoch_choice import chosen_epoch
from jaxcovid.training.evaluation import Predictions
from jaxcovid.training.freeze_audit import audit, digests
from jaxcovid.training.frozen_features import Kept
from jaxcovid.training.loop import (
    Journal,
    epochs,
    evaluate_split,
    journal_record,
    restored_journal,
)
from jaxcovid.training.parts import Parts
from jaxcovid.training.sampling import sampling_groups
from jaxcovid.training.setup import Task, prepare
from jaxcovid.training.step import TrainState
from jaxcovid.training.training_data import load_training_data
from jaxcovid.training.work import first_views
from weights_convert.aside import folder_aside
from weights_convert.cache import cache_folder

# While entered, interruptions only make the function that it gives return True.
Deferred = Callable[[], AbstractContextManager[Callable[[], bool]]]


def fine_tune(
    config: Config,
    *,
    parts: Parts | None = None,
    deferred: Deferred = lambda: contextlib.nullcontext(bool),
    kept: Kept | None = None,
) -> Path:
    """Trains, measures and saves, or goes on with that; returns the run's folder.

    `parts` take the place of ordinary parts of training and measuring. While `deferred()` is
    entered, interruptions only make the function that it gives return True. `kept` are features of
    earlier runs, for this one to use and to add to. Raises InputError, and Interrupted once there
    is something to go on with. Every check comes before the folder is made, so that bad input
    leaves nothing behind.

    >>> config = jaxcovid.Config(data=xrays, weights="none", epochs=1, output=folder / "run")
    >>> run = jaxcovid.fine_tune(config)
    resnet18 on xrays, starting from random weights. Not for clinical use.
    ...
    >>> sorted(path.name for path in run.glob("*.csv"))
    ['history.csv', 'predictions.csv']
    """
    check(config_problems.problems(config))
    several = "`folds` and `seeds`: this trains one network; say which `fold` and `seed`"
    check([several] if config.is_ensemble else [])
    parallel.join_processes(config.coordinator, config.num_processes, config.process_id)
    config = resolve(config)
    # On accelerators the default is a faster product of fewer bits, also of float32 numbers.
    precision = "float32" if config.precision == "float32" else "default"
    with jax.default_matmul_precision(precision), alone_in(config.resume):
        try:
            return _run(config, Parts() if parts is None else parts, deferred, kept)
        except (jax.errors.JaxRuntimeError, ValueError) as error:
            if not parallel.is_device_error(error):
                raise
            raise device_error(config, error) from None


def _run(config: Config, parts: Parts, deferred: Deferred, kept: Kept | None) -> Path:
    read_study(config.study)  # what is wrong with it is better known before the work than after
    before = resume.interrupted_run(config)
    dataset = load_training_data(config, cache_folder(), progress)
    config = dataclasses.replace(config, stored_side=dataset.stored_side)
    if parallel.agreed(dataset.fingerprint) != dataset.fingerprint:
        raise InputError(["`data`: not all processes see the same images; give all the same data"])
    if before is not None:
        check(resume.changed_settings(config, parts.settings, dataset, before.record))
    newest = before.newest if before is not None else None
    devices = parallel.devices(config.parallel)
    task = prepare(
        config, dataset, devices, bar, parts=parts, resumed=newest, kept=kept, store=feature_store()
    )
    journal, warnings = Journal(), [*task.network.warnings, *dataset.warnings]
    if before is not None and newest is not None:
        journal, warnings = restored_journal(newest), before.warnings
    settings = record.run_record(config, parts, dataset, task.network.weights_source, warnings)

    say(text.announcement(config, dataset, task.network.weights_source, task.network.plan))
    warn(warnings)
    if newest is not None:
        say(f"Going on after step {newest.step}, in epoch {len(journal.history) + 1}")
    try:
        folder = _make_folder(config, dataset, settings)
        with alone_in(folder if before is None else None):
            if before is not None and jax.process_index() == 0:
                # Only now, when nothing speaks against going on without these.
                checkpoint.set_aside(folder, before.damaged)
            parallel.agreed("")
            with deferred() as interrupted:
                state, journal = _train(task, journal, folder, settings, interrupted)
            _finish(task, state, journal, folder, settings)
    except (KeyboardInterrupt, BrokenPipeError) as error:
        assert config.output is not None
        if (config.output / "config.json").exists():
            raise Interrupted(config.output) from error
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
        for after in epochs(task, journal, save, interrupted, bar):
            state, journal = after
            if jax.process_index() == 0:
                artifacts.write_history(folder, journal.history)
            say(text.epoch_line(journal.history[-1], task.config.epochs))
    if parallel.any_process(task.devices)(interrupted()):
        raise KeyboardInterrupt
    return state, journal


def write_trained(task: Task, state: TrainState, journal: Journal, warnings: Sequence[str]) -> Path:
    """Measures and writes a run that was trained elsewhere, as part of a sweep; returns its folder.

    `state` is that after the last step, in `task`'s place on the devices, `journal` its history,
    `warnings` what to know of the figures. Raises InputError if the folder is there.
    """
    config = task.config
    settings = record.run_record(
        config, task.parts, task.dataset, task.network.weights_source, warnings
    )
    folder = _make_folder(config, task.dataset, settings)
    with checkpoint.writer(folder, settings) as save:
        loss = journal.history[-1].validation_loss
        save(int(state.step), state, journal_record(task, journal), loss)
    artifacts.write_history(folder, journal.history)
    _finish(task, state, journal, folder, settings)
    return folder


def _finish(
    task: Task, state: TrainState, journal: Journal, folder: Path, settings: Mapping[str, Any]
) -> None:
    """Proves that what was frozen is unchanged, measures every split and writes the results.

    `state` is that after the last epoch; all this is of the epoch that the settings choose.
    """
    config, dataset, network = task.config, task.dataset, task.network
    chosen = chosen_epoch(config, journal.history)
    if chosen != journal.history[-1]:
        saved = checkpoint.restored(checkpoint.of_step(folder, chosen.step), state)
        state = parallel.replicate(saved, task.devices)
    result = audit(network.digests, digests(state.params, state.batch_stats), network.frozen)
    predictions = {name: evaluate_split(task, state, name, bar) for name in dataset.splits}
    if task.parts.answers is not None:
        predictions = {
            name: task.parts.answers(config, dataset.splits[name], answers)
            for name, answers in predictions.items()
        }
    if jax.process_index() == 0:
        say("Measuring and explaining")
        groups = sampling_groups(config, dataset)
        views = first_views(config, dataset.splits["train"], task.steps.batch_size, groups)
        training = Training(network.plan, result, journal.history, views, chosen)
        familiar = familiar_of_run(task, predictions)
        results = _results(task, state, predictions, training, settings, familiar)
        if result.frozen_unchanged:
            artifacts.write_weights(folder, task, state, results.thresholds)
            artifacts.write_familiar(folder, familiar)
        if isinstance(results, FindingResults):
            write_findings(folder, results, bar)
            summary = report.findings_summary(results)
        else:
            artifacts.write_results(folder, results, bar, read_study(config.study))
            summary = text.run_summary(results)
        if result.frozen_unchanged:
            say(summary)
            say(text.results_note(folder))
    if not result.frozen_unchanged:
        listed = ", ".join(result.violations)
        raise RuntimeError(f"frozen leaves changed in training, which must never be: {listed}")
    parallel.agreed("done")  # the others wait until everything is written


def _results(
    task: Task,
    state: TrainState,
    predictions: Mapping[str, Predictions],
    training: Training,
    settings: Mapping[str, Any],
    familiar: Sequence[Familiar],
) -> Results | FindingResults:
    """Every split measured, by class or by finding, and some images explained."""
    config, dataset, network = task.config, task.dataset, task.network
    predictions, unlike = compared(familiar, dataset, predictions, ("train", "validation"))
    title = f"{config.model}, training {config.trainable}, on {dataset.name}"
    # Of several processes one computes alone what it explains.
    variables = {"params": state.params, "batch_stats": state.batch_stats}
    explain = compiled_grad_cam(network.model, jax.tree.map(np.asarray, variables))
    if dataset.findings:
        return gather_findings(
            title, dataset, predictions, explain, settings, training=training, out_of_place=unlike
        )
    further = task.parts.metrics
    of_measured = predictions[trial_of(dataset).measured].probabilities
    return gather_results(
        title,
        dataset,
        predictions,
        explain,
        settings,
        codes=task.targets.answer_codes,
        training=training,
        further_metrics=None if further is None else functools.partial(further, config),
        audit=with_check(audit_data(dataset, network=of_measured), "out_of_place", unlike),
    )


def device_error(config: Config, error: Exception) -> Exception:
    """What to raise for an error of the devices: an InputError where there is a remedy, else it.

    There is one for too little memory, and for a process of several that is gone.
    """
    if "RESOURCE_EXHAUSTED" in str(error):
        return InputError(["not enough memory on the device; lower `batch_size`"])
    if jax.process_count() > 1:
        return InputError(
            [
                f"another process of this run ended or cannot be reached ({first_line(error)}); "
                f"start all again with `resume={config.output}`"
            ]
        )
    return error


def resolve(config: Config) -> Config:
    """Settings with final values where they depend on the machine or the clock, for config.json.

    These are `precision`, and `output` and `select` where not given; all processes get the same.
    """
    precision, output = config.precision, config.output
    if precision == "auto":
        precision = "float32" if jax.default_backend() == "cpu" else "bfloat16"
    select = "best" if config.select is None else config.select
    if output is None:
        trainable = re.sub(r"[^\w.-]+", "_", config.trainable)[:60]
        name = f"{config.model}-{trainable}-{datetime.now():%Y%m%d-%H%M%S}"
        output = Path("runs", parallel.agreed(name))
    return dataclasses.replace(config, precision=precision, output=output, select=select)


def _make_folder(config: Config, dataset: Dataset, settings: Mapping[str, Any]) -> Path:
    """The run's folder with config.json in it, and the splits if they were drawn: all or none."""
    folder, problem = config.output, ""
    assert folder is not None
    if jax.process_index() == 0:
        try:
            if config.resume is None:
                with folder_aside(folder) as aside:
                    artifacts.write_config(aside, settings)
                    artifacts.write_split(aside, dataset.members)
            else:
                artifacts.write_config(folder, settings)
        except OSError as error:
            problem = f"`output`: cannot make {folder} ({error.strerror})"
    problem = parallel.agreed(problem)
    for _ in range(20):  # a disk over the network may take some seconds to show it
        if problem or folder.is_dir():
            break
        time.sleep(0.5)
        list(folder.absolute().parent.iterdir())
    else:
        problem = f"`output`: {folder} must be on a disk that all processes share"
    check([problem] if problem else [])
    return folder


@contextlib.contextmanager
def alone_in(run: Path | None) -> Iterator[None]:
    """Keeps others from training a run's folder meanwhile; None locks nothing.

    The system lifts the lock when a process dies. Raises InputError if another holds it.
    """
    if run is None or not run.is_dir() or jax.process_index() > 0:
        yield
        return
    folder = os.open(run, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # of file systems that know no locks
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError([f"`resume`: {run} is being trained at this moment"]) from None
        yield
    finally:
        os.close(folder)
