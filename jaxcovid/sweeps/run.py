"""One sweep from settings to artifacts: its members trained, compared, the best one exported."""

import contextlib
import dataclasses
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxcovid import parallel, seal
from jaxcovid.config import Config, stored
from jaxcovid.data.augmentations import augmentation_of
from jaxcovid.data.dataset import Dataset, Split
from jaxcovid.errors import InputError, Interrupted, NothingFrozenError, check
from jaxcovid.report import text
from jaxcovid.runs import artifacts, files, record, resume
from jaxcovid.runs.feature_files import feature_store
from jaxcovid.runs.progress import bar, progress, say, warn
from jaxcovid.runs.run import Deferred, alone_in, device_error, resolve
from jaxcovid.sweeps.grid import Grid, grid_members, grid_problems
from jaxcovid.sweeps.metric import FORMER, METRICS, WORDS, Metric
from jaxcovid.sweeps.one_by_one import train_one_by_one
from jaxcovid.sweeps.page import write_sweep_page
from jaxcovid.sweeps.state import former_problems, remove_state
from jaxcovid.sweeps.together import train_together, write_best_run
from jaxcovid.training.frozen_features import Kept
from jaxcovid.training.parts import Parts
from jaxcovid.training.setup import Task, prepare
from jaxcovid.training.training_data import load_training_data
from weights_convert.aside import folder_aside
from weights_convert.cache import cache_folder

# Below the sweep's folder: what it is.
RECORD = "sweep.json"


def sweep(
    config: Config,
    grid: Grid,
    *,
    metric: Metric | None = None,
    parts: Parts | None = None,
    deferred: Deferred = lambda: contextlib.nullcontext(bool),
) -> Path:
    """Trains all members of a grid, or goes on with that; returns the sweep's folder.

    `config` holds what the members have in common; with its `resume` the sweep in that folder goes
    on. The best is chosen, and settings are compared, by `metric` on the validation images; by
    default by balanced accuracy, and where a sweep goes on by what it was begun with. `parts` take
    the place of ordinary parts of training and measuring. While `deferred()` is entered,
    interruptions only make the function that it gives return True. Raises InputError, and
    Interrupted once there is something to go on with.

    >>> config = jaxcovid.Config(data=xrays, weights="none", epochs=1, output=folder / "sweep")
    >>> done = jaxcovid.sweep(config, jaxcovid.Grid({"lr": (1e-3, 1e-2)}))
    resnet18 on xrays, starting from random weights. Not for clinical use.
    ...
    >>> sorted(path.name for path in done.glob("*.csv"))
    ['histories.csv', 'members.csv', 'settings.csv']
    """
    check(grid_problems(config, grid))
    config = _resolve(dataclasses.replace(config, seeds=grid.seeds))
    # On accelerators the default is a faster product of fewer bits, also of float32 numbers.
    precision = "float32" if config.precision == "float32" else "default"
    with jax.default_matmul_precision(precision), alone_in(config.resume):
        try:
            return _run(config, grid, metric, deferred, Parts() if parts is None else parts)
        except jax.errors.JaxRuntimeError as error:
            raise device_error(config, error) from None


def stored_sweep(folder: Path) -> tuple[Config, Grid]:
    """The settings and the grid of a sweep that was begun and is not finished, to go on with.

    Raises InputError if the folder holds no such sweep.
    """
    if (folder / "report.html").exists():
        raise InputError([f"`resume`: {folder} is finished; look at {folder / 'report.html'}"])
    check(former_problems(folder))
    config = stored(folder, RECORD)
    try:
        known = seal.read_sealed(folder / RECORD, {"grid": {str: [float]}, "seeds": int})
    except ValueError as error:
        raise InputError([f"`resume`: {folder / RECORD} is damaged ({error})"]) from None
    values = {name: tuple(map(float, tried)) for name, tried in known["grid"].items()}
    return config, Grid(values, known["seeds"])


def _run(
    config: Config, grid: Grid, metric: Metric | None, deferred: Deferred, parts: Parts
) -> Path:
    folder, resumed = config.output, config.resume is not None
    assert folder is not None
    dataset = load_training_data(config, cache_folder(), progress)
    several = "`data`: its images have several findings each; such runs are trained one by one"
    check([several] if dataset.findings else [])
    config = dataclasses.replace(config, stored_side=dataset.stored_side)
    before = record.read_record(folder, RECORD) if resumed else None
    if before is not None:
        check(resume.changed_settings(config, parts.settings, dataset, before))
    metric = judged_by(metric, before, dataset.splits["validation"])
    configs = grid_members(config, grid)
    kept: Kept = {}
    # Members that train together are evaluated and drawn in the ordinary way.
    alone = not (parts.evaluation is parts.curve is parts.correct is None)
    first = dataclasses.replace(configs[0], views=0) if alone else configs[0]
    task = _prepared(first, dataset, parts, kept)
    network = task.network
    warnings = [*network.warnings, *dataset.warnings]
    settings = record.run_record(config, parts, dataset, network.weights_source, warnings)
    settings |= {"grid": dict(grid.values), "metric": metric}
    say(text.announcement(config, dataset, network.weights_source, network.plan))
    warn(warnings)
    say(f"{len(configs)} members: {len(grid.settings)} setting(s), {grid.seeds} seed(s) of each")
    when = "after the last epoch"
    if config.select == "best":
        when = "each member after its epoch of lowest validation loss"
    say(f"Judged by {WORDS[metric]} on the validation images, {when}")
    together, reason = task.frozen is not None, "Nothing is frozen that they could share"
    if alone:
        together, reason = False, "They are evaluated in a way that only single runs know"
    if before is not None and not together:
        check(_drawn_otherwise(config, dataset, before))
    if not resumed:
        with folder_aside(folder) as aside:
            files.write_json(aside / RECORD, seal.sealed(settings))
            artifacts.write_split(aside, dataset.members)
    try:
        with alone_in(None if resumed else folder):
            if not together:
                say(f"{reason}, so they train one after another")
                outcomes = train_one_by_one(configs, parts, folder, metric, deferred)
            else:
                outcomes = train_together(task, configs, folder, settings, metric, deferred)
                write_best_run(task, configs, outcomes, folder, metric, kept)
            shared_views = together and augmentation_of(config) is not None
            summary = write_sweep_page(folder, grid, outcomes, settings, bar, shared_views)
            remove_state(folder)
    except (KeyboardInterrupt, BrokenPipeError) as error:
        raise Interrupted(folder) from error
    say(summary)
    return folder


def _drawn_otherwise(config: Config, dataset: Dataset, before: Mapping[str, Any]) -> list[str]:
    """Why members to come would have other images than those that an older version trained."""
    drawn = bool(dataset.members) or config.limit_train is not None
    if "split_seed" in before or config.seeds == 1 or not drawn:
        return []
    return [
        f"`resume`: {config.resume} was begun by an older version, in which each seed drew splits "
        "of its own; start a new sweep, whose members have the same"
    ]


def judged_by(metric: Metric | None, before: Mapping[str, Any] | None, validation: Split) -> Metric:
    """The metric of a sweep; `before` is the record of one that goes on. Raises InputError."""
    if before is not None:
        known = before.get("metric", FORMER)
        if metric not in (None, known):
            raise InputError([f"`metric`: this sweep was begun with {known}, not {metric}"])
        metric = known
    elif metric is None:
        metric = METRICS[0]
    if metric not in METRICS:
        raise InputError([f"`metric`: {metric} is not one of {', '.join(METRICS)}"])
    if metric == "auroc" and len(np.unique(validation.labels)) < 2:
        raise InputError(["`metric`: auroc needs validation images of two classes at least"])
    return metric


def _resolve(config: Config) -> Config:
    """Puts in what depends on other settings, the machine or the clock."""
    if config.output is None:
        trainable = re.sub(r"[^\w.-]+", "_", config.trainable)[:60]
        name = f"sweep-{config.model}-{trainable}-{datetime.now():%Y%m%d-%H%M%S}"
        config = dataclasses.replace(config, output=Path("runs", name))
    if not config.views:
        config = dataclasses.replace(config, views=config.epochs)
    return resolve(config)


def _prepared(config: Config, dataset: Dataset, parts: Parts, kept: Kept) -> Task:
    """The task with features that all members share, or without if nothing is frozen."""
    devices = parallel.devices(limit=1)
    try:
        return prepare(config, dataset, devices, bar, parts=parts, kept=kept, store=feature_store())
    except NothingFrozenError:
        config = dataclasses.replace(config, views=0)
        return prepare(config, dataset, devices, bar, parts=parts)
