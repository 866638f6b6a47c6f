"""What a reproduction is to run: its flags, and every run that follows from them."""

import dataclasses
import fnmatch
import os
from pathlib import Path
from typing import NamedTuple

import presets

from jaxcovid import config as configuration
from jaxcovid.config import Config

# The phantoms' classes as those of the assignment.
PHANTOMS = {
    1: ("infected=ground_glass+lobar", "normal=clear"),
    2: ("covid-19=ground_glass", "normal=clear", "pneumonia=lobar"),
}

CLASSES = {1: presets.TWO_CLASSES, 2: presets.THREE_CLASSES}

# How the arms of the question about batch 60 were run.
QUESTION = {
    "batch_8": (presets.ASKED, "corrected"),
    "batch_60": ("question-batch-60", "corrected"),
    "scaled_lr": ("question-batch-60-lr", "corrected"),
    "as_many_steps": ("question-batch-60-steps", "corrected"),
    "batch_8_as_written": (presets.ASKED, "as-written"),
    "batch_60_as_written": ("question-batch-60", "as-written"),
}


@dataclasses.dataclass(frozen=True)
class Reproduce:
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
    """The same for ResNet18, if not --weights."""
    weights_vgg16: str | None = None
    """The same for VGG16, if not --weights."""
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


class Planned(NamedTuple):
    """One run that is to be."""

    preset: str
    variant: str
    seed: int
    folder: str
    config: Config


def plan(flags: Reproduce) -> list[Planned]:
    """Every run, seed by seed, so that an early look has all experiments."""
    found = []
    for seed in range(flags.seeds):
        for name in chosen(flags):
            preset = presets.PRESETS[name]
            written = bool(preset.habits or preset.as_run)
            for variant in ("as-written", "corrected") if written else ("corrected",):
                folder = f"runs/{name}/{variant}-seed{seed}"
                settings = _config(flags, name, variant == "as-written", seed)
                found.append(Planned(name, variant, seed, folder, settings))
    return found


def chosen(flags: Reproduce) -> list[str]:
    """The presets to run: of the parts that there are data for, and of --only."""
    parts = data_of(flags)
    return [
        name
        for name, preset in presets.PRESETS.items()
        if preset.part in parts
        and (not flags.only or any(fnmatch.fnmatchcase(name, glob) for glob in flags.only))
    ]


def data_of(flags: Reproduce) -> dict[int, str | None]:
    """The data of each part that is to be run; None are the phantoms."""
    given = {1: flags.part1, 2: flags.part2}
    return {part: data for part, data in given.items() if data is not None} or given


def _config(flags: Reproduce, name: str, as_written: bool, seed: int) -> Config:
    settings, part = presets.config(name, as_written), presets.PRESETS[name].part
    data = data_of(flags)[part]
    epochs = settings.epochs
    if flags.epochs is not None:
        # Where as many updates are asked for, a larger batch still needs more epochs.
        asked = presets.SEED[presets.ASKED].settings["epochs"]
        longer = epochs / asked if presets.PRESETS[name].source == "question" else 1
        epochs = max(1, round(flags.epochs * longer)) if flags.epochs > 0 else flags.epochs
    merge = PHANTOMS[part] if data is None else flags.merge if part == 1 else ()
    cached = not as_written and settings.trainable != "all"
    return dataclasses.replace(
        settings,
        data=data,
        weights=getattr(flags, f"weights_{settings.model}") or flags.weights,
        epochs=epochs,
        limit_train=flags.limit_train,
        views=flags.views if cached else 0,
        merge=merge,
        patients=flags.patients,
        skip_unreadable=flags.skip_unreadable,
        seed=seed,
    )


def problems(flags: Reproduce) -> list[str]:
    """What is wrong with the flags by themselves."""
    found = []
    if flags.seeds < 1:
        found.append(f"--seeds: {flags.seeds} is not a whole number of at least 1")
    if flags.merge and flags.part1 is None:
        found.append("--merge: it joins classes of part 1; give --part1 too")
    for glob in flags.only:
        if not any(
            name in chosen(dataclasses.replace(flags, only=(glob,))) for name in presets.PRESETS
        ):
            found.append(f"--only: {glob!r} matches no preset of the parts to run")
    if flags.resume is None and flags.output is not None and os.path.lexists(flags.output):
        found.append(
            f"--output: {flags.output} exists; give a new folder, or go on there with --resume"
        )
    one = dataclasses.replace(flags, seeds=1)
    found += [text for each in plan(one) for text in configuration.problems(each.config)]
    return list(dict.fromkeys(found))
