"""Every experiment of the assignment, reported against ours: `reproduce.py --help`.

Not for clinical use.
"""

import contextlib
import dataclasses
import fnmatch
import json
import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import presets
import tyro
from interruption import deferred, end_at_once, raise_when_interrupted

from jaxcovid import config as configuration
from jaxcovid.config import Config
from jaxcovid.errors import DivergedError, InputError, check

if TYPE_CHECKING:
    from jaxcovid.feature_cache import Kept
    from jaxcovid.report.reproduction import Reproduction

SETTINGS = "reproduce.json"

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


def main() -> int:
    """Parses the flags and runs what is left to run; returns the exit code."""
    end_at_once()
    flags, folder = tyro.cli(Reproduce, description=Reproduce.__doc__), None
    try:
        if flags.resume is not None:
            flags = stored(flags)
        check(problems(flags))
        # Imported late, so that --help and wrong flags answer at once.
        import jax

        from weights_convert.cache import cache_folder

        if jax.config.values["jax_compilation_cache_dir"] is None:  # seeds share their programs
            jax.config.update("jax_compilation_cache_dir", str(cache_folder() / "compiled"))
        raise_when_interrupted()
        fingerprints = checked_data(flags)
        folder = prepared_folder(flags, fingerprints)
        reproduce(flags, folder)
    except InputError as error:
        return _leave(2, error, folder)
    except OSError as error:
        return _leave(2, f"{error.filename or 'disk'}: {error.strerror or error}", folder)
    except KeyboardInterrupt:
        return _leave(130, "Interrupted.", folder)
    return 0


def reproduce(flags: Reproduce, folder: Path) -> None:
    """Runs all that is not finished, and writes the page after each seed."""
    from jaxcovid.report import DISCLAIMER, reproduction
    from jaxcovid.reproduction import finished

    runs = plan(flags)
    left = [each for each in runs if not finished(folder / each.folder)]
    print(f"{len(runs)} runs, {len(left)} of them to do, into {folder}. {DISCLAIMER}", flush=True)
    seconds: dict[Planned, float] = {}
    kept: Kept = {}
    for number, each in enumerate(left, 1):
        started = time.perf_counter()
        said = run(each, folder, kept)
        seconds[each] = time.perf_counter() - started
        rest = remaining(seconds, left[number:])
        after = f"; about {rest} left" if rest else ""
        print(
            f"{number} of {len(left)}: {each.preset}, {each.variant}, seed {each.seed}: {said}, "
            f"{seconds[each]:.0f} s{after}",
            flush=True,
        )
        if number < len(left) and left[number].seed != each.seed:
            reproduction.write(folder, gathered(flags, folder))
    reproduction.write(folder, gathered(flags, folder))
    print(f"\nLook at {folder / 'index.html'} (or README.md there)\n{DISCLAIMER}")


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


def run(planned: Planned, root: Path, kept: "Kept") -> str:
    """Starts a run or goes on with it, its words in a file beside it; says what came of it."""
    from jaxcovid import experiment
    from jaxcovid.report import files
    from jaxcovid.reproduction import DIVERGED

    folder, settings = root / planned.folder, planned.config
    if (folder / "config.json").is_file():
        # Where its data lie may have changed, but not what they are: that is checked.
        settings = dataclasses.replace(
            configuration.stored(folder), data=settings.data, patients=settings.patients
        )
    else:
        settings = dataclasses.replace(settings, output=folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.log").open("a") as log:
        try:
            with contextlib.redirect_stdout(log):
                experiment.run(settings, deferred, kept)
        except DivergedError as error:
            files.write_bytes(folder / DIVERGED, f"{error}\n".encode())
            return "diverged"
    metrics = json.loads((folder / "metrics.json").read_text())["validation"]
    return f"accuracy {metrics['accuracy']:.3f}, macro-F1 {metrics['macro_f1'] or 0:.3f}"


def remaining(seconds: Mapping[Planned, float], left: Sequence[Planned]) -> str:
    """How long the rest will take, by the seconds that runs like it took."""
    total = 0.0
    for each in left:
        alike = [done for done in seconds if _kind(done) == _kind(each)] or list(seconds)
        epochs = sum(done.config.epochs for done in alike)
        total += each.config.epochs * sum(seconds[done] for done in alike) / epochs
    minutes = round(total / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{total:.0f} s" if left else ""


def _kind(planned: Planned) -> tuple[str, str, int]:
    return planned.config.model, planned.config.trainable, planned.config.views


def gathered(flags: Reproduce, root: Path) -> "Reproduction":
    """What became of all runs so far. Raises InputError if one is damaged."""
    from jaxcovid.report.reproduction import Asked, Reproduction
    from jaxcovid.reproduction import Experiment, outcome

    runs, experiments = plan(flags), []
    for name in chosen(flags):
        preset = presets.PRESETS[name]
        split = preset.reported.split if preset.reported is not None else "validation"
        experiments.append(
            Experiment(
                name,
                preset.title,
                preset.part,
                preset.source,
                preset.notes,
                preset.reported,
                preset.habits,
                preset.as_run,
                tuple(
                    outcome(root, each.folder, each.variant, each.seed, split)
                    for each in runs
                    if each.preset == name
                ),
            )
        )
    question = {arm: Asked(*where) for arm, where in QUESTION.items()}
    return Reproduction(experiments, question, _as_json(flags))


def checked_data(flags: Reproduce) -> dict[str, str]:
    """The fingerprint of each part's data, once all that it and the weights need is there.

    Raises InputError with all that is wrong, before anything is run.
    """
    from jaxcovid.report.progress import progress
    from jaxcovid.task import load_data
    from weights_convert.cache import cache_folder

    found, fingerprints = weights_problems(flags), {}
    one = plan(dataclasses.replace(flags, seeds=1))
    for part in data_of(flags):
        members = [each.config for each in one if presets.PRESETS[each.preset].part == part]
        if not members:
            continue
        flag = f"--part{part}"
        try:
            dataset = load_data(members[0], cache_folder(), progress)
        except InputError as error:
            found += [each.replace("--data:", f"{flag}:") for each in error.problems]
            continue
        fingerprints[flag] = dataset.fingerprint
        if set(dataset.classes) != set(CLASSES[part]):
            remedy = "join some with --merge new=class+class or rename" if part == 1 else "rename"
            found.append(
                f"{flag}: {members[0].data} has the classes {', '.join(dataset.classes)}, but part "
                f"{part} needs {', '.join(CLASSES[part])}; {remedy} its folders"
            )
    check(list(dict.fromkeys(found)))
    return fingerprints


def weights_problems(flags: Reproduce) -> list[str]:
    """What is wrong with the weights, each network's looked at once."""
    from weights_convert import ConversionError, FormatError, detect, read
    from weights_convert.fetch import SOURCES, FetchError, fetch

    found = []
    runs = plan(dataclasses.replace(flags, seeds=1))
    # Phantoms may do without ImageNet's, and say so.
    needed = {
        (each.config.model, each.config.weights)
        for each in runs
        if each.config.weights != "none"
        and not (each.config.weights == "imagenet" and each.config.data is None)
    }
    for model, weights in sorted(needed):
        try:
            if weights == "imagenet":
                fetch(SOURCES[model])
            else:
                detect(read(weights).arrays, model)
        except FetchError as error:
            found.append(f"--weights imagenet: {error}; or pass --weights none for random weights")
        except FormatError as error:
            found.append(f"--weights: {error}")
        except OSError as error:
            found.append(f"--weights: {weights}: {error.strerror}")
        except ConversionError as error:
            listed = "; ".join(error.problems)
            found.append(
                f"--weights: {weights} does not fit {model}: {listed}; give --weights-{model}, or "
                "leave that network out with --only"
            )
    return found


def prepared_folder(flags: Reproduce, fingerprints: Mapping[str, str]) -> Path:
    """The folder of the reproduction, with its settings. Raises InputError on other data."""
    from jaxcovid.report import files

    if flags.resume is not None:
        known = json.loads((flags.resume / SETTINGS).read_text())["fingerprints"]
        check(
            [
                f"--resume: the data of {flag} are not those of {flags.resume} any more; restore "
                "them, or start anew"
                for flag, fingerprint in fingerprints.items()
                if known.get(flag) != fingerprint
            ]
        )
        return flags.resume
    folder = flags.output or Path("runs", f"reproduce-{datetime.now():%Y%m%d-%H%M%S}")
    with files.folder_aside(folder) as aside:
        record = {"flags": _as_json(flags), "fingerprints": fingerprints}
        files.write_json(aside / SETTINGS, record)
    return folder


def stored(flags: Reproduce) -> Reproduce:
    """The flags of the reproduction to go on with. Raises InputError."""
    assert flags.resume is not None
    given = dataclasses.replace(flags, resume=None)
    check(
        [
            f"--{field.name.replace('_', '-')}: leave it out; --resume has its own settings"
            for field in dataclasses.fields(Reproduce)
            if getattr(given, field.name) != field.default
        ]
    )
    path = flags.resume / SETTINGS
    try:
        record = json.loads(path.read_text())
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in record["flags"].items()
        }
        values["patients"] = tuple(map(Path, values["patients"]))
        dict(record["fingerprints"])
        return Reproduce(**values, resume=flags.resume)
    except OSError as error:
        raise InputError(
            [f"--resume: {flags.resume} is no reproduction ({SETTINGS}: {error.strerror})"]
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError([f"--resume: {path} is damaged ({error})"]) from None


def _as_json(flags: Reproduce) -> dict[str, object]:
    """What says what to run, of JSON's types."""
    record = json.loads(json.dumps(dataclasses.asdict(flags), default=str))
    return {name: value for name, value in record.items() if name not in ("output", "resume")}


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


def _leave(code: int, message: object, folder: Path | None) -> int:
    print(f"\n{message}", file=sys.stderr)
    if folder is not None:
        print(
            f"Go on with: python experiments/reproduce.py --resume {shlex.quote(str(folder))}",
            file=sys.stderr,
        )
    return code


if __name__ == "__main__":
    sys.exit(main())
