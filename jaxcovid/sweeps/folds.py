"""Cross-validation from settings to artifacts: a network for each fold, all images measured."""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import jax
import numpy as np

from jaxcovid import config_problems, parallel
from jaxcovid.checksums import check_tables
from jaxcovid.config import Config, stored
from jaxcovid.csv_file import read_rows
from jaxcovid.data.dataset import Dataset
from jaxcovid.data.folds import Fold, members_of
from jaxcovid.errors import InputError, Interrupted, NothingFrozenError, check, first_line
from jaxcovid.inference.inference_model import FOLDS, fold_name, load
from jaxcovid.models import Model
from jaxcovid.report import text
from jaxcovid.runs import artifacts, files, record, resume
from jaxcovid.runs.feature_files import feature_store
from jaxcovid.runs.gather_folds import FoldRun, gather_folds, out_of_fold
from jaxcovid.runs.progress import bar, progress, say, warn
from jaxcovid.runs.run import Deferred, alone_in, device_error, fine_tune, resolve
from jaxcovid.sweeps.folds_together import train_folds_together
from jaxcovid.training.frozen_features import Kept
from jaxcovid.training.setup import Task, prepare
from jaxcovid.training.training_data import folds_of_settings, load_training_data
from weights_convert.aside import folder_aside
from weights_convert.cache import cache_folder


def cross_validate(
    config: Config, *, deferred: Deferred = lambda: contextlib.nullcontext(bool)
) -> Path:
    """Trains a network for each fold, or goes on with that, and measures all images; the folder.

    Folds train together where a part is frozen, else one after another. While `deferred()` is
    entered, interruptions only make the function that it gives return True. Raises InputError, and
    Interrupted once there is something to go on with.
    """
    check(config_problems.problems(config))
    config = resolve(config)
    precision = "float32" if config.precision == "float32" else "default"
    with jax.default_matmul_precision(precision), alone_in(config.resume):
        try:
            return _run(config, deferred)
        except jax.errors.JaxRuntimeError as error:
            raise device_error(config, error) from None


def _run(config: Config, deferred: Deferred) -> Path:
    folder = config.output
    assert folder is not None
    if config.resume is not None and (folder / "metrics.json").exists():
        check([f"`resume`: {folder} is finished; look at {folder / 'report.html'}"])
    before = None if config.resume is None else record.read_record(folder)
    pooled = load_training_data(config, cache_folder(), progress)
    config = dataclasses.replace(config, stored_side=pooled.stored_side)
    if before is not None:
        check(resume.changed_settings(config, {}, pooled, before))
    folds = folds_of_settings(pooled, config)
    task = _prepared(config, pooled)
    network, config = task.network, task.config
    configs = [
        dataclasses.replace(config, fold=number, output=folder / fold_name(number), resume=None)
        for number in range(1, len(folds) + 1)
    ]
    warnings = [*network.warnings, *pooled.warnings]
    settings = record.run_record(config, task.parts, pooled, network.weights_source, warnings)
    say(text.announcement(config, pooled, network.weights_source, network.plan))
    warn(warnings)
    say(f"{len(folds)} folds, each measured on the patients that it leaves out")
    if before is None:
        with folder_aside(folder) as aside:
            artifacts.write_config(aside, settings)
            _write_table(aside, pooled, folds)
    try:
        with alone_in(folder if before is None else None):
            if task.frozen is None:
                say("Nothing is frozen that they could share, so they train one after another")
                _train_one_by_one(configs, deferred)
            else:
                train_folds_together(task, configs, folds, folder, settings, deferred)
            summary = _finish(config, pooled, folds, settings)
    except (KeyboardInterrupt, BrokenPipeError) as error:
        raise Interrupted(folder) from error
    say(summary)
    return folder


def _prepared(config: Config, pooled: Dataset) -> Task:
    """The task of all images, with features that all folds share, or without."""
    devices, kept = parallel.devices(limit=1), Kept()
    views = config.views or config.epochs
    try:
        shared = dataclasses.replace(config, views=views)
        return prepare(shared, pooled, devices, bar, kept=kept, store=feature_store())
    except NothingFrozenError:
        unfit = "`views`: nothing is frozen, so there are no features to keep; leave it out"
        check([unfit] if config.views else [])
        return prepare(config, pooled, devices, bar)


def _train_one_by_one(configs: Sequence[Config], deferred: Deferred) -> None:
    for config in configs:
        assert config.output is not None
        if (config.output / "metrics.json").exists():
            continue
        say(f"\nFold {config.fold} of {len(configs)}")
        begun = (config.output / "config.json").exists()
        fine_tune(stored(config.output) if begun else config, deferred=deferred)


def _finish(
    config: Config, pooled: Dataset, folds: Sequence[Fold], settings: Mapping[str, Any]
) -> str:
    """Measures all images and writes the results; returns what the terminal is to show."""
    folder = config.output
    assert folder is not None
    say("Measuring and explaining")
    networks = [load(folder / fold_name(number)) for number in range(1, len(folds) + 1)]
    runs = [
        FoldRun(
            _left_out(folder / fold_name(number), fold, pooled),
            network.thresholds,
            network.variables,
            network.metrics,
        )
        for number, (fold, network) in enumerate(zip(folds, networks, strict=True), 1)
    ]
    dataset = out_of_fold(pooled)
    title = f"{config.model}, training {config.trainable}, on {pooled.name}: {len(folds)} folds"
    results = gather_folds(
        title,
        dataset,
        [fold.test for fold in folds],
        runs,
        cast(Model, networks[0].model),
        settings,
    )
    artifacts.write_results(folder, results, bar)
    return f"{text.run_summary(results)}\n{text.results_note(folder)}"


def _left_out(run: Path, fold: Fold, pooled: Dataset) -> np.ndarray:
    """What a fold's network says of the images that it left out. Raises InputError if damaged."""
    path = run / "predictions.csv"
    try:
        check_tables(run)
        rows = {row["path"]: row for row in read_rows(path) if row["split"] == "test"}
        names = [pooled.splits["train"].paths[place] for place in fold.test]
        return np.array(
            [[float(rows[name][f"prob_{one}"]) for one in pooled.classes] for name in names],
            np.float32,
        )
    except OSError as error:
        raise InputError([f"{path}: {error.strerror}"]) from None
    except (ValueError, KeyError) as error:
        raise InputError([f"{path} is damaged ({first_line(error)})"]) from None


def _write_table(folder: Path, pooled: Dataset, folds: Sequence[Fold]) -> None:
    """Writes which fold leaves out which image."""
    places = {str(number): fold.test for number, fold in enumerate(folds, 1)}
    files.write_csv(
        folder / FOLDS, ("file", "class", "patient", "fold"), members_of(pooled, places)
    )
