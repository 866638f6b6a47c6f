"""Several networks as one run: of folds, of seeds, or of seeds of each fold, measured together."""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from jaxcovid import config_problems, parallel
from jaxcovid.config import Config
from jaxcovid.data.dataset import Dataset
from jaxcovid.data.folds import Fold, members_of
from jaxcovid.errors import Interrupted, NothingFrozenError, check
from jaxcovid.inference.inference_model import load
from jaxcovid.inference.network_folders import FOLDS, network_name
from jaxcovid.operating_point import points_of
from jaxcovid.report import text, words
from jaxcovid.runs import artifacts, files, record, resume
from jaxcovid.runs.feature_files import feature_store
from jaxcovid.runs.gather_folds import folds_of_runs, gather_folds
from jaxcovid.runs.gather_seeds import gather_seeds
from jaxcovid.runs.progress import bar, progress, say, warn
from jaxcovid.runs.run import Deferred, alone_in, device_error, fine_tune, resolve
from jaxcovid.sweeps.ensemble_together import train_ensemble_together
from jaxcovid.training.frozen_features import Kept
from jaxcovid.training.setup import Task, prepare
from jaxcovid.training.training_data import folds_of_settings, load_training_data
from weights_convert.aside import folder_aside
from weights_convert.cache import cache_folder


def train_ensemble(
    config: Config, *, deferred: Deferred = lambda: contextlib.nullcontext(bool)
) -> Path:
    """Trains a network for each fold and seed, or goes on with that, and measures them; the folder.

    With folds every image is measured by the networks that it did not train. They train together
    where a part is frozen, else one after another. While `deferred()` is entered, interruptions
    only make the function that it gives return True. Raises InputError, and Interrupted once there
    is something to go on with.
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
    dataset = load_training_data(config, cache_folder(), progress)
    several = "`data`: its images have several findings each; such runs are trained one by one"
    check([several] if dataset.findings else [])
    config = dataclasses.replace(config, stored_side=dataset.stored_side)
    if before is not None:
        check(resume.changed_settings(config, {}, dataset, before))
    folds = folds_of_settings(dataset, config) if config.is_folded else []
    task = _prepared(config, dataset)
    network, config = task.network, task.config
    warnings = [*network.warnings, *dataset.warnings]
    settings = record.run_record(config, task.parts, dataset, network.weights_source, warnings)
    say(text.announcement(config, dataset, network.weights_source, network.plan))
    warn(warnings)
    say(_plan(config))
    if before is None:
        with folder_aside(folder) as aside:
            artifacts.write_config(aside, settings)
            artifacts.write_split(aside, dataset.members)
            if folds:
                _write_folds(aside, dataset, folds)
    configs = member_configs(config)
    try:
        with alone_in(folder if before is None else None):
            if task.frozen is None:
                say("Nothing is frozen that they could share, so they train one after another")
                _train_one_by_one(configs, deferred)
            else:
                train_ensemble_together(task, configs, folds, folder, settings, deferred)
            summary = _finish(task, dataset, configs, folds, settings)
    except (KeyboardInterrupt, BrokenPipeError) as error:
        raise Interrupted(folder) from error
    say(summary)
    return folder


def member_configs(config: Config) -> list[Config]:
    """The settings of each network: seed by seed, and of each seed fold by fold.

    Each is a run that can be made alone. Those of further seeds draw the same splits and folds.
    """
    assert config.output is not None
    seeds = range(config.seed, config.seed + config.seeds)
    folds = range(1, (config.folds or 0) + 1) if config.is_folded else [None]
    return [
        dataclasses.replace(
            config,
            output=config.output / network_name(fold, seed, config.seed),
            fold=fold or config.fold,
            seed=seed,
            seeds=1,
            split_seed=config.split_seed if config.seeds == 1 else config.drawing_seed,
            resume=None,
        )
        for seed in seeds
        for fold in folds
    ]


def _plan(config: Config) -> str:
    seeds = f"{config.seeds} seeds" if config.seeds > 1 else ""
    if not config.is_folded:
        return f"{seeds}, each a network of its own; they are measured together and one by one"
    of_each = f", {seeds} of each" if seeds else ""
    return f"{config.folds} folds{of_each}, measured on the patients that they leave out"


def _prepared(config: Config, dataset: Dataset) -> Task:
    """The task of the first network, with features that all share, or without."""
    devices, kept = parallel.devices(limit=1), Kept()
    views = config.views or config.epochs
    try:
        shared = dataclasses.replace(config, views=views)
        return prepare(shared, dataset, devices, bar, kept=kept, store=feature_store())
    except NothingFrozenError:
        unfit = "`views`: nothing is frozen, so there are no features to keep; leave it out"
        check([unfit] if config.views else [])
        return prepare(config, dataset, devices, bar)


def _train_one_by_one(configs: Sequence[Config], deferred: Deferred) -> None:
    for number, config in enumerate(configs, 1):
        assert config.output is not None
        if (config.output / "metrics.json").exists():
            continue
        say(f"\n{config.output.name}: network {number} of {len(configs)}")
        begun = config.output if (config.output / "config.json").exists() else None
        fine_tune(dataclasses.replace(config, resume=begun), deferred=deferred)


def _finish(
    task: Task,
    dataset: Dataset,
    configs: Sequence[Config],
    folds: Sequence[Fold],
    settings: Mapping[str, Any],
) -> str:
    """Measures the networks and writes the results; returns what the terminal is to show."""
    config, folder = task.config, task.config.output
    assert folder is not None
    say("Measuring and explaining")
    runs = [config.output for config in configs if config.output is not None]
    networks = [load(run) for run in runs]
    warn([change for network in networks for change in network.changes])
    counts = [
        words.counted(len(folds), "fold") if folds else "",
        words.counted(config.seeds, "seed") if config.seeds > 1 else "",
    ]
    what = f"{config.model}, training {config.trainable}, on {dataset.name}"
    title = f"{what}: {', '.join(filter(None, counts))}"
    if folds:
        of_folds = folds_of_runs(dataset, folds, networks, runs, points_of(settings))
        results = gather_folds(title, dataset, of_folds, config.seed, settings)
    else:
        results = gather_seeds(title, task, networks, runs, settings)
    artifacts.write_results(folder, results, bar)
    return f"{text.run_summary(results)}\n{text.results_note(folder)}"


def _write_folds(folder: Path, pooled: Dataset, folds: Sequence[Fold]) -> None:
    """Writes which fold leaves out which image."""
    places = {str(number): fold.test for number, fold in enumerate(folds, 1)}
    files.write_csv(
        folder / FOLDS, ("file", "class", "patient", "fold"), members_of(pooled, places)
    )
