"""One sweep from settings to artifacts: its members trained, compared, the best one exported."""

import csv
import dataclasses
import json
import re
import shutil
import time
import zipfile
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxcovid import parallel
from jaxcovid.config import Config, stored
from jaxcovid.data import loader
from jaxcovid.data.dataset import Dataset
from jaxcovid.errors import (
    DivergedError,
    InputError,
    Interrupted,
    NothingFrozenError,
    check,
    first_line,
)
from jaxcovid.models.convolution import as_product
from jaxcovid.report import text
from jaxcovid.results import Epoch
from jaxcovid.runs import files, record, resume
from jaxcovid.runs.progress import bar, progress
from jaxcovid.runs.run import Deferred, alone_in, export, fine_tune, resolve, say, told
from jaxcovid.sweeps import page
from jaxcovid.sweeps.chunks import alike, in_chunks, memory_of
from jaxcovid.sweeps.grid import Grid, Outcome, best_of, grid_problems, members
from jaxcovid.training import member_loop
from jaxcovid.training.frozen_features import Kept
from jaxcovid.training.initial_weights import initial_variables
from jaxcovid.training.loop import Journal
from jaxcovid.training.member_loop import FIGURES, Underway
from jaxcovid.training.members import (
    Members,
    Shared,
    first_members,
    make_member_evaluation,
    numbers_of,
    row,
    stacked,
)
from jaxcovid.training.setup import Task, load_data, memory_budget, prepare
from jaxcovid.training.step import Totals
from jaxcovid.training.trainable import combine, partition
from weights_convert.cache import cache_folder
from weights_convert.files import written_aside

# Seconds of work that may be lost when a sweep is killed.
SAVE_EVERY = 30

# Below the sweep's folder: what it is, what is done, the chunk in training, the best member so far.
RECORD, DONE, UNDERWAY, BEST = "sweep.json", "done.json", "underway.npz", "best.npz"


def run_sweep(config: Config, grid: Grid, deferred: Deferred) -> Path:
    """Trains all members of a grid, or goes on with that; returns the sweep's folder.

    Raises InputError, and Interrupted once there is something to go on with.
    """
    config = _resolve(config)
    check(grid_problems(config, grid))
    # On accelerators the default is a faster product of fewer bits, also of float32 numbers.
    precision = "float32" if config.precision == "float32" else "default"
    with jax.default_matmul_precision(precision), alone_in(config.resume):
        try:
            return _run(config, grid, deferred)
        except jax.errors.JaxRuntimeError as error:
            raise told(config, error) from None


def stored_sweep(folder: Path) -> tuple[Config, Grid]:
    """What a sweep that was begun is. Raises InputError."""
    if (folder / "report.html").exists():
        raise InputError([f"--resume: {folder} is finished; look at {folder / 'report.html'}"])
    config = stored(folder, RECORD)
    known = json.loads((folder / RECORD).read_text())
    try:
        values = {name: tuple(map(float, values)) for name, values in known["grid"].items()}
        return config, Grid(values, int(known["seeds"]))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InputError([f"--resume: {folder / RECORD} is damaged ({error})"]) from None


def _run(config: Config, grid: Grid, deferred: Deferred) -> Path:
    folder, resumed = config.output, config.resume is not None
    assert folder is not None
    dataset = load_data(config, cache_folder(), progress)
    if resumed:
        check(resume.differences(config, dataset, json.loads((folder / RECORD).read_text())))
    configs = members(config, grid)
    kept: Kept = {}
    task, shown = _prepared(configs[0], dataset, kept)
    warnings = [*shown.warnings, *dataset.warnings]
    settings = record.record(config, dataset, shown.weights_source, warnings)
    settings |= {"grid": dict(grid.values), "seeds": grid.seeds}
    say(text.announcement(config, dataset, shown.weights_source, shown.plan))
    for warning in warnings:
        say(f"Warning: {warning}")
    say(f"{len(configs)} members: {len(grid.settings)} setting(s), {grid.seeds} seed(s) of each")
    if not resumed:
        with files.folder_aside(folder) as aside:
            files.write_json(aside / RECORD, settings)
    try:
        with alone_in(None if resumed else folder):
            if task is None:
                say("Nothing is frozen that they could share, so they train one after another")
                outcomes = _one_by_one(configs, folder, deferred)
            else:
                outcomes = _together(task, configs, folder, deferred)
                _export(task, configs, outcomes, folder, kept)
            said = page.write(folder, grid, outcomes, settings, bar)
            for name in (UNDERWAY, BEST, DONE):
                (folder / name).unlink(missing_ok=True)
    except KeyboardInterrupt:
        raise Interrupted(folder, "sweep") from None
    say(said)
    return folder


def _resolve(config: Config) -> Config:
    """Puts in what depends on other settings, the machine or the clock."""
    if config.output is None:
        trainable = re.sub(r"[^\w.-]+", "_", config.trainable)[:60]
        name = f"sweep-{config.model}-{trainable}-{datetime.now():%Y%m%d-%H%M%S}"
        config = dataclasses.replace(config, output=Path("runs", name))
    if not config.views:
        config = dataclasses.replace(config, views=config.epochs)
    return resolve(config)


def _prepared(config: Config, dataset: Dataset, kept: Kept) -> tuple[Task | None, Task]:
    """The task with features that all members share, if there is a frozen part; and any task."""
    try:
        task = prepare(config, dataset, parallel.devices(limit=1), bar, kept=kept)
    except NothingFrozenError:
        config = dataclasses.replace(config, views=0)
        return None, prepare(config, dataset, parallel.devices(limit=1), bar)
    return task, task


def _together(
    task: Task, configs: Sequence[Config], folder: Path, deferred: Deferred
) -> list[Outcome]:
    """Chunk after chunk of members, each written when it is done."""
    common, variables = _shared(task), _variables(task, configs)
    trainable, _ = partition(variables[configs[0].seed]["params"], task.labels)
    memory = memory_of(common, trainable, task.splits["validation"])
    chunks = [
        chunk
        for group in alike(configs)
        for chunk in in_chunks(group, memory, memory_budget(task.config))
    ]
    outcomes = _read_done(folder)
    for number, places in enumerate(chunks, 1):
        if set(places) <= {outcome.place for outcome in outcomes}:
            continue
        if len(chunks) > 1:
            say(f"Part {number} of {len(chunks)}: {len(places)} members")
        own = [configs[place] for place in places]
        # What they do not differ in is taken from the first.
        shared = common._replace(config=own[0])
        evaluate = jax.jit(make_member_evaluation(shared))
        underway = _read_underway(folder, places, _start(shared, own, variables))
        with deferred() as interrupted:
            underway = _trained(shared, own, places, task, evaluate, underway, folder, interrupted)
        outcomes += _outcomes(shared, own, places, task, evaluate, underway)
        best = best_of(outcomes)
        if best is not None and best.place in places:
            member = row(underway.members, places.index(best.place))
            _write_arrays(folder / BEST, member, {"place": best.place})
        files.write_json(folder / DONE, [outcome.as_json() for outcome in outcomes])
        (folder / UNDERWAY).unlink(missing_ok=True)
    return sorted(outcomes, key=lambda outcome: outcome.place)


def _trained(
    shared: Shared,
    configs: Sequence[Config],
    places: Sequence[int],
    task: Task,
    evaluate: Callable[..., Any],
    underway: Underway,
    folder: Path,
    interrupted: Callable[[], bool],
) -> Underway:
    """The chunk after its last epoch. Raises KeyboardInterrupt once that can be gone on with."""
    saved = time.monotonic()
    for underway in member_loop.fit(  # noqa: B020 (each is the next of the last)
        shared, configs, task.splits, evaluate, underway, interrupted, bar
    ):
        stopped = underway.steps > 0 or interrupted()
        if stopped or time.monotonic() - saved > SAVE_EVERY:
            _write_underway(folder, places, underway)
            saved = time.monotonic()
        if stopped:
            raise KeyboardInterrupt
        say(_epoch_line(underway, task.config.epochs))
    return underway


def _epoch_line(underway: Underway, epochs: int) -> str:
    last = [history[-1] for history in underway.histories]
    accuracies = [
        row.validation_accuracy
        for row, diverged in zip(last, underway.diverged, strict=True)
        if not diverged
    ]
    shown = f"{min(accuracies):.3f} to {max(accuracies):.3f}" if accuracies else "none"
    fallen = len(last) - len(accuracies)
    return (
        f"Epoch {last[0].epoch} of {epochs}: validation accuracy {shown}, "
        f"{f'{fallen} diverged, ' if fallen else ''}{last[0].seconds:.1f} s"
    )


def _shared(task: Task) -> Shared:
    return Shared(
        task.config,
        task.model.clone(convolution=as_product),
        task.start or task.model.stages[0],
        task.labels,
        task.norms,
        task.outputs,
        task.scores,
        task.dataset.splits["train"].labels,
        partition(task.state.params, task.labels)[1],
    )


def _variables(task: Task, configs: Sequence[Config]) -> dict[int, Any]:
    """The first variables of each seed: they differ in what trains and is new."""
    found = {}
    for config in configs:
        if config.seed not in found:
            classes = task.dataset.classes
            initial = initial_variables(config, task.model, task.entries, classes, task.labels)
            found[config.seed] = initial.variables
    return found


def _start(shared: Shared, configs: Sequence[Config], variables: dict[int, Any]) -> Underway:
    own = [variables[config.seed] for config in configs]
    keys = [loader.purpose_key(config.seed, loader.DROPOUT) for config in configs]
    trainable = stacked([partition(each["params"], shared.labels)[0] for each in own])
    batch_stats = stacked([each["batch_stats"] for each in own])
    numbers = numbers_of(configs)
    return Underway(
        first_members(shared, numbers, trainable, batch_stats, stacked(keys)),
        np.zeros((len(configs), len(Totals._fields))),
        0,
        ((),) * len(configs),
        (0,) * len(configs),
    )


def _outcomes(
    shared: Shared,
    configs: Sequence[Config],
    places: Sequence[int],
    task: Task,
    evaluate: Callable[..., Any],
    underway: Underway,
) -> list[Outcome]:
    """What became of each member of a chunk."""
    measured: list[dict[str, Any]] = [{} for _ in places]
    for name, split in task.splits.items():
        if name == "train" or not len(split.labels) or (split.labels < 0).any():
            continue
        numbers = numbers_of(configs)
        logits, _ = member_loop.predict(evaluate, underway.members, numbers, split, name, bar)
        for index, own in enumerate(logits):
            if not underway.diverged[index]:
                classes = task.dataset.classes
                measured[index][name] = member_loop.figures(own, shared, split, classes)
    return [
        Outcome(place, underway.diverged[index], underway.histories[index], measured[index])
        for index, place in enumerate(places)
    ]


def _export(
    task: Task, configs: Sequence[Config], outcomes: Sequence[Outcome], folder: Path, kept: Kept
) -> None:
    """The best member as the run that it would have been alone, with its report and weights."""
    best = best_of(outcomes)
    target = folder / "best"
    if best is None or (target / "metrics.json").exists():
        return
    shutil.rmtree(target, ignore_errors=True)  # of an export that was cut short
    say(f"Exporting the best member, number {best.place}, to {target}")
    config = dataclasses.replace(configs[best.place], output=target, resume=None)
    own = prepare(config, task.dataset, task.devices, bar, kept=kept)
    like = Members(
        own.state.step,
        partition(own.state.params, own.labels)[0],
        own.state.batch_stats,
        own.state.opt_state,
        own.state.key,
    )
    member, stated = _read_arrays(folder / BEST, like)
    if stated["place"] != best.place:
        raise InputError([f"{folder / BEST} is not of member {best.place}; start the sweep anew"])
    _, frozen = partition(own.state.params, own.labels)
    state = own.state._replace(
        step=member.step,
        params=combine(member.trainable, frozen),
        batch_stats=member.batch_stats,
        opt_state=member.opt_state,
    )
    state = parallel.replicate(state, own.devices)
    warnings = (*own.warnings, *task.dataset.warnings, CHOSEN.format(len(configs)))
    export(own, state, Journal(history=best.history), warnings)


# What a reader of the best member's report must know.
CHOSEN = (
    "this run is the best of {} members of a sweep, chosen by its validation accuracy, which "
    "therefore flatters it"
)


def _one_by_one(configs: Sequence[Config], folder: Path, deferred: Deferred) -> list[Outcome]:
    """Each member as a run of its own below members/."""
    outcomes = _read_done(folder)
    for place, config in enumerate(configs):
        if place in {outcome.place for outcome in outcomes}:
            continue
        say(f"\nMember {place + 1} of {len(configs)}")
        target = folder / "members" / f"{place:03d}"
        diverged = 0
        try:
            if not (target / "metrics.json").exists():
                own = dataclasses.replace(config, output=target, resume=None, views=0)
                if (target / "config.json").exists():
                    own = stored(target)
                fine_tune(own, deferred)
        except DivergedError as error:
            say(f"{error}; the others go on")
            diverged = error.epoch
        history = _read_history(target)
        outcomes.append(Outcome(place, diverged, history, {} if diverged else _measured(target)))
        files.write_json(folder / DONE, [outcome.as_json() for outcome in outcomes])
    best, link = best_of(outcomes), folder / "best"
    if best is not None and not link.is_symlink():
        link.symlink_to(Path("members", f"{best.place:03d}"))
    return outcomes


def _read_history(run: Path) -> tuple[Epoch, ...]:
    path = run / "history.csv"
    if not path.exists():
        return ()
    with path.open(newline="") as stream:
        return tuple(
            Epoch(**{name: Epoch.__annotations__[name](value) for name, value in line.items()})
            for line in csv.DictReader(stream)
        )


def _measured(run: Path) -> dict[str, dict[str, float | None]]:
    metrics = json.loads((run / "metrics.json").read_text())
    return {
        split: {name: metrics[split][name] for name in FIGURES}
        for split in ("validation", "test")
        if split in metrics
    }


def _read_done(folder: Path) -> list[Outcome]:
    path = folder / DONE
    if not path.exists():
        return []
    try:
        return [Outcome.from_json(each) for each in json.loads(path.read_text())]
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            [f"--resume: {path} is damaged ({error}); delete it to train all members again"]
        ) from None


def _write_underway(folder: Path, places: Sequence[int], underway: Underway) -> None:
    stated = {
        "places": list(places),
        "sums": underway.sums.tolist(),
        "steps": underway.steps,
        "histories": underway.histories,
        "diverged": underway.diverged,
    }
    _write_arrays(folder / UNDERWAY, underway.members, stated)


def _read_underway(folder: Path, places: Sequence[int], start: Underway) -> Underway:
    """The chunk as it was left, if it is these members'; else as it starts."""
    path = folder / UNDERWAY
    if not path.exists():
        return start
    found, stated = _read_arrays(path, start.members)
    if stated["places"] != list(places):
        return start
    histories = tuple(tuple(Epoch(*each) for each in own) for own in stated["histories"])
    say(f"Going on in epoch {len(histories[0]) + 1}, after step {stated['steps']} of it")
    return Underway(
        found, np.array(stated["sums"]), stated["steps"], histories, tuple(stated["diverged"])
    )


def _write_arrays(path: Path, tree: Any, stated: dict[str, Any]) -> None:
    arrays = {f"{number:04d}": leaf for number, leaf in enumerate(jax.tree.leaves(_plain(tree)))}
    text = np.frombuffer(json.dumps(stated).encode(), np.uint8)
    with written_aside(path) as stream:
        np.savez(stream, stated=text, **arrays)


def _read_arrays(path: Path, like: Any) -> tuple[Any, dict[str, Any]]:
    """A tree like that one, and what was stated with it. Raises InputError."""
    plain, tree = jax.tree.flatten(_plain(like))
    try:
        with path.open("rb") as stream, np.load(stream) as found:
            stated = json.loads(found["stated"].tobytes())
            leaves = [found[f"{number:04d}"] for number in range(len(plain))]
        for leaf, other in zip(leaves, plain, strict=True):
            if (leaf.shape, leaf.dtype) != (other.shape, other.dtype):
                raise ValueError("arrays of another network")
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(
            [
                f"--resume: {path} is damaged ({first_line(error)}); delete {path.parent} and "
                "start anew"
            ]
        ) from None

    def unwrap(leaf: Any, own: Any) -> Any:
        is_key = jax.numpy.issubdtype(own.dtype, jax.dtypes.prng_key)
        return jax.random.wrap_key_data(leaf, impl=jax.random.key_impl(own)) if is_key else leaf

    return jax.tree.map(unwrap, jax.tree.unflatten(tree, leaves), like), stated


def _plain(tree: Any) -> Any:
    """Arrays of numpy; keys as their numbers."""

    def plain(leaf: Any) -> np.ndarray:
        is_key = jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(leaf) if is_key else leaf)

    return jax.tree.map(plain, tree)
