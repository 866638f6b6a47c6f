"""What a reproduction is to run: its settings, and every run that follows from them.

Imports nothing slow, so that --help answers at once.
"""

import dataclasses
import fnmatch
import os
from pathlib import Path
from typing import NamedTuple

from jaxcovid import config_problems
from jaxcovid.assignment import presets
from jaxcovid.assignment import settings as assignment_settings
from jaxcovid.assignment.further_presets import ASKED
from jaxcovid.assignment.preset import THREE_CLASSES, TWO_CLASSES
from jaxcovid.assignment.settings import AssignmentSettings
from jaxcovid.config import Config

# The phantoms' classes as those of the assignment.
PHANTOMS = {
    1: ("infected=ground_glass+lobar", "normal=clear"),
    2: ("covid-19=ground_glass", "normal=clear", "pneumonia=lobar"),
}

CLASSES = {1: TWO_CLASSES, 2: THREE_CLASSES}

# How the arms of the question about batch 60 were run: preset and variant.
QUESTION = {
    "batch_8": (ASKED, "corrected"),
    "batch_60": ("question-batch-60", "corrected"),
    "scaled_lr": ("question-batch-60-lr", "corrected"),
    "as_many_steps": ("question-batch-60-steps", "corrected"),
    "batch_8_as_written": (ASKED, "as-written"),
    "batch_60_as_written": ("question-batch-60", "as-written"),
}


@dataclasses.dataclass(frozen=True)
class ReproductionSettings:
    """Run every experiment of the assignment, as written and corrected, and compare on one page.

    Without --part1 and --part2 it runs on built-in drawn phantoms. NOT FOR CLINICAL USE.
    """

    part1: str | None = None
    """Data of part 1, as --data of run.py, with the classes infected and normal. Only one of
    --part1 and --part2 given: only that part."""
    part2: str | None = None
    """Data of part 2, with the classes covid-19, normal and pneumonia."""
    merge: tuple[str, ...] = ()
    """Classes to join for part 1, such as infected=covid-19+pneumonia."""
    seeds: int = 3
    """Runs of each experiment; their spread needs at least 2."""
    only: tuple[str, ...] = ()
    """Names or globs of presets, such as 'part1-*'; run.py --list-presets prints them all."""
    weights: str = "imagenet"
    """Weights to start from: imagenet (downloaded once), none (random), or a file of the network
    that is run."""
    weights_resnet18: str | None = None
    """Weights for ResNet18 to start from, if not --weights."""
    weights_vgg16: str | None = None
    """Weights for VGG16 to start from, if not --weights."""
    epochs: int | None = None
    """Passes over the training images, instead of each experiment's own."""
    limit_train: int | None = None
    """Use only so many training images."""
    views: int = 0
    """Augmented views of each image to keep as features, where that is possible: corrected, with
    a frozen part."""
    patients: tuple[Path, ...] = ()
    """CSV files with the columns class, file, patient."""
    skip_unreadable: bool = False
    """Go on without unreadable images, and record them."""
    output: Path | None = None
    """Folder for all runs and the page; must not exist. Default: runs/reproduce-<time>."""
    resume: Path | None = None
    """Folder of an earlier reproduction to go on with, under its own settings."""


class PlannedRun(NamedTuple):
    """One run that is to be; its folder is relative to that of the reproduction."""

    preset: str
    variant: str
    seed: int
    folder: str
    config: Config
    assignment: AssignmentSettings


def planned_runs(settings: ReproductionSettings) -> list[PlannedRun]:
    """Every run, seed by seed, so that an early look has all experiments."""
    runs = []
    for seed in range(settings.seeds):
        for name in chosen_presets(settings):
            preset = presets.PRESETS[name]
            has_mistakes = bool(preset.mistakes or preset.as_run)
            for variant in ("as-written", "corrected") if has_mistakes else ("corrected",):
                folder = f"runs/{name}/{variant}-seed{seed}"
                config, assignment = _settings_of_run(settings, name, variant == "as-written", seed)
                runs.append(PlannedRun(name, variant, seed, folder, config, assignment))
    return runs


def chosen_presets(settings: ReproductionSettings) -> list[str]:
    """The presets to run: of the parts that there are data for, and of `only`."""
    parts = data_of_parts(settings)
    return [
        name
        for name, preset in presets.PRESETS.items()
        if preset.part in parts
        and (not settings.only or any(fnmatch.fnmatchcase(name, glob) for glob in settings.only))
    ]


def data_of_parts(settings: ReproductionSettings) -> dict[int, str | None]:
    """The data of each part that is to be run; None are the phantoms."""
    given = {1: settings.part1, 2: settings.part2}
    return {part: data for part, data in given.items() if data is not None} or given


def _settings_of_run(
    settings: ReproductionSettings, name: str, as_written: bool, seed: int
) -> tuple[Config, AssignmentSettings]:
    config, assignment = presets.config(name, as_written)
    part = presets.PRESETS[name].part
    data = data_of_parts(settings)[part]
    merge = PHANTOMS[part] if data is None else settings.merge if part == 1 else ()
    has_frozen_part = config.trainable != "all"
    config = dataclasses.replace(
        config,
        data=data,
        weights=getattr(settings, f"weights_{config.model}") or settings.weights,
        epochs=_epochs(settings.epochs, config.epochs, name),
        limit_train=settings.limit_train,
        views=settings.views if has_frozen_part and not as_written else 0,
        merge=merge,
        patients=settings.patients,
        skip_unreadable=settings.skip_unreadable,
        seed=seed,
    )
    return config, assignment


def _epochs(given: int | None, own: int, name: str) -> int:
    """The epochs given for all presets, or the preset's own."""
    if given is None:
        return own
    if given < 1 or presets.PRESETS[name].source != "question":
        return given
    # Where as many updates are asked for, a larger batch still needs more epochs.
    return max(1, round(given * own / presets.config(ASKED)[0].epochs))


def problems(settings: ReproductionSettings) -> list[str]:
    """What is wrong with the settings by themselves, each with its name in backquotes."""
    messages = []
    if settings.seeds < 1:
        messages.append(f"`seeds`: {settings.seeds} is not a whole number of at least 1")
    if settings.merge and settings.part1 is None:
        messages.append("`merge`: it joins classes of part 1; give `part1` too")
    messages += [
        f"`only`: {glob!r} matches no preset of the parts to run"
        for glob in settings.only
        if not chosen_presets(dataclasses.replace(settings, only=(glob,)))
    ]
    if settings.resume is None and settings.output is not None and os.path.lexists(settings.output):
        messages.append(
            f"`output`: {settings.output} exists; give a new folder, or go on there with `resume`"
        )
    for run in planned_runs(dataclasses.replace(settings, seeds=1)):
        messages += config_problems.problems(run.config)
        messages += assignment_settings.problems(run.assignment, run.config)
    return list(dict.fromkeys(messages))
