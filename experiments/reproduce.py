"""Every experiment of the assignment, reported against ours: `reproduce.py --help`.

Not for clinical use.
"""

import contextlib
import dataclasses
import json
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import presets
import tyro
from exits import exit_code
from interruption import deferred, end_at_once, raise_when_interrupted
from reproduction_plan import CLASSES, QUESTION, Planned, Reproduce, chosen, data_of, plan, problems

from jaxcovid import config as configuration
from jaxcovid.errors import DivergedError, InputError, check

if TYPE_CHECKING:
    from jaxcovid.assignment.page import Reproduction
    from jaxcovid.training.frozen_features import Kept

SETTINGS = "reproduce.json"


def main() -> int:
    """Parses the flags and runs what is left to run; returns the exit code."""
    end_at_once()
    flags = tyro.cli(Reproduce, description=Reproduce.__doc__)
    folders: list[Path] = []
    code = exit_code(lambda: run_all(flags, folders.append))
    if code and folders:
        command = f"python experiments/reproduce.py --resume {shlex.quote(str(folders[0]))}"
        print(f"Go on with: {command}", file=sys.stderr)
    return code


def run_all(flags: Reproduce, begun: Callable[[Path], None]) -> None:
    """Checks all that can be checked, then runs; `begun` is told the folder. Raises InputError."""
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
    begun(folder)
    reproduce(flags, folder)


def reproduce(flags: Reproduce, folder: Path) -> None:
    """Runs all that is not finished, and writes the page after each seed."""
    from jaxcovid.assignment import page
    from jaxcovid.assignment.experiment_results import finished
    from jaxcovid.report import DISCLAIMER

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
            page.write(folder, gathered(flags, folder))
    page.write(folder, gathered(flags, folder))
    print(f"\nLook at {folder / 'index.html'} (or README.md there)\n{DISCLAIMER}")


def run(planned: Planned, root: Path, kept: "Kept") -> str:
    """Starts a run or goes on with it, its words in a file beside it; says what came of it."""
    from jaxcovid.assignment.experiment_results import DIVERGED
    from jaxcovid.runs import files
    from jaxcovid.runs.run import fine_tune

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
                fine_tune(settings, deferred, kept)
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
    from jaxcovid.assignment.experiment_results import Experiment, outcome
    from jaxcovid.assignment.page import Asked, Reproduction

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
    from jaxcovid.runs.progress import progress
    from jaxcovid.training.setup import load_data
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
    from jaxcovid.runs import files

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


if __name__ == "__main__":
    sys.exit(main())
