"""Runs all that a reproduction plans, or what is left of it, and writes its page."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from jaxcovid import config as configuration
from jaxcovid.assignment import mistakes, page, presets
from jaxcovid.assignment import settings as assignment_settings
from jaxcovid.assignment.finished_runs import DIVERGED, Experiment, is_finished, read_outcome
from jaxcovid.assignment.page import Arm, Reproduction
from jaxcovid.assignment.plan import (
    QUESTION,
    PlannedRun,
    ReproductionSettings,
    chosen_presets,
    planned_runs,
)
from jaxcovid.assignment.reproduction_folder import record_of
from jaxcovid.errors import DivergedError, Interrupted
from jaxcovid.json_file import read_json
from jaxcovid.report import DISCLAIMER
from jaxcovid.runs import files
from jaxcovid.runs.run import Deferred, fine_tune
from jaxcovid.stored_shapes import MEASURED
from jaxcovid.training.frozen_features import Kept

# Prints a line.
Say = Callable[[str], None]


def reproduce(settings: ReproductionSettings, folder: Path, say: Say, deferred: Deferred) -> None:
    """Runs all that is not finished, and writes the page after each seed.

    `deferred` is as in `runs.run.fine_tune`. It goes on after a run that diverged. Raises
    InputError, and Interrupted, after both of which one can go on in that folder.
    """
    try:
        _run_all(settings, folder, say, deferred)
    except (KeyboardInterrupt, BrokenPipeError) as error:
        raise Interrupted(folder) from error


def _run_all(settings: ReproductionSettings, folder: Path, say: Say, deferred: Deferred) -> None:
    runs = planned_runs(settings)
    left = [run for run in runs if not is_finished(folder / run.folder)]
    say(f"{len(runs)} runs, {len(left)} of them to do, into {folder}. {DISCLAIMER}")
    finished: list[tuple[PlannedRun, float]] = []
    kept: Kept = {}
    for number, run in enumerate(left, 1):
        started = time.perf_counter()
        result = _run(run, folder, deferred, kept)
        seconds = time.perf_counter() - started
        finished.append((run, seconds))
        rest = remaining_time(finished, left[number:])
        say(
            f"{number} of {len(left)}: {run.preset}, {run.variant}, seed {run.seed}: {result}, "
            f"{seconds:.0f} s{f'; about {rest} left' if rest else ''}"
        )
        if number < len(left) and left[number].seed != run.seed:
            page.write(folder, read_reproduction(settings, folder))
    page.write(folder, read_reproduction(settings, folder))
    say(f"\nLook at {folder / 'index.html'} (or README.md there)\n{DISCLAIMER}")


def _run(planned: PlannedRun, root: Path, deferred: Deferred, kept: Kept) -> str:
    """Starts a run or goes on with it, its output in a file beside it; tells what came of it."""
    folder = root / planned.folder
    if (folder / "config.json").is_file():
        # Where its data lie may have changed, but not what they are: that is checked.
        config = dataclasses.replace(
            configuration.stored(folder),
            data=planned.config.data,
            patients=planned.config.patients,
        )
        assignment = assignment_settings.stored(folder)
    else:
        config = dataclasses.replace(planned.config, output=folder)
        assignment = planned.assignment
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.log").open("a") as log:
        try:
            with contextlib.redirect_stdout(log):
                fine_tune(config, parts=mistakes.parts(assignment), deferred=deferred, kept=kept)
        except DivergedError as error:
            files.write_bytes(folder / DIVERGED, f"{error}\n".encode())
            return "diverged"
    metrics = read_json(folder / "metrics.json", {"validation": MEASURED})["validation"]
    return f"accuracy {metrics['accuracy']:.3f}, macro-F1 {metrics['macro_f1'] or 0:.3f}"


def remaining_time(finished: Sequence[tuple[PlannedRun, float]], left: Sequence[PlannedRun]) -> str:
    """How long the rest will take, by the seconds that finished runs like it took."""
    total = 0.0
    for run in left:
        alike = [pair for pair in finished if _kind(pair[0]) == _kind(run)] or finished
        epochs = sum(done.config.epochs for done, _ in alike)
        total += run.config.epochs * sum(seconds for _, seconds in alike) / epochs
    minutes = round(total / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{total:.0f} s" if left else ""


def _kind(planned: PlannedRun) -> tuple[str, str, int]:
    return planned.config.model, planned.config.trainable, planned.config.views


def read_reproduction(settings: ReproductionSettings, root: Path) -> Reproduction:
    """What became of all runs so far. Raises InputError if one is damaged."""
    runs, experiments = planned_runs(settings), []
    for name in chosen_presets(settings):
        preset = presets.PRESETS[name]
        split = preset.reported.split if preset.reported is not None else "validation"
        outcomes = tuple(
            read_outcome(root, run.folder, run.variant, run.seed, split)
            for run in runs
            if run.preset == name
        )
        experiments.append(Experiment(name, preset, outcomes))
    question = {arm: Arm(*where) for arm, where in QUESTION.items()}
    return Reproduction(experiments, question, record_of(settings))
