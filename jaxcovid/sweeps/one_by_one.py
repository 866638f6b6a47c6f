"""Members that share no frozen part: each a run of its own, one after another."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from jaxcovid import seal
from jaxcovid.checksums import check_tables
from jaxcovid.config import Config, stored
from jaxcovid.csv_file import read_rows
from jaxcovid.errors import DivergedError, InputError, first_line
from jaxcovid.results import Epoch
from jaxcovid.runs.progress import say
from jaxcovid.runs.run import Deferred, fine_tune
from jaxcovid.stored_shapes import FIGURE, MEASURED
from jaxcovid.sweeps.metric import Metric
from jaxcovid.sweeps.outcome import FIGURES, Outcome, best_outcome
from jaxcovid.sweeps.state import read_outcomes, write_outcomes
from jaxcovid.training.parts import Parts


def train_one_by_one(
    configs: Sequence[Config], parts: Parts, folder: Path, metric: Metric, deferred: Deferred
) -> list[Outcome]:
    """Trains every member as a run below members/, and makes best a link to the best by `metric`.

    Members that are done, or whose run was interrupted, are not trained again but gone on with;
    those that diverge are marked. `deferred` is as in `runs.run.fine_tune`. Raises InputError and
    Interrupted.
    """
    outcomes = read_outcomes(folder)
    for place, config in enumerate(configs):
        if place in {outcome.place for outcome in outcomes}:
            continue
        say(f"\nMember {place + 1} of {len(configs)}")
        target = folder / "members" / f"{place:03d}"
        diverged = 0
        try:
            if not (target / "metrics.json").exists():
                settings = dataclasses.replace(config, output=target, resume=None, views=0)
                if (target / "config.json").exists():
                    settings = stored(target)
                fine_tune(settings, parts=parts, deferred=deferred)
        except DivergedError as error:
            say(f"{error}; the others go on")
            diverged = error.epoch
        history = _history(target)
        if diverged:
            outcomes.append(Outcome(place, diverged, history, {}))
        else:
            outcomes.append(Outcome(place, 0, history, *_measured(target)))
        write_outcomes(folder, outcomes)
    best, link = best_outcome(outcomes, metric), folder / "best"
    if best is not None and not link.is_symlink():
        link.symlink_to(Path("members", f"{best.place:03d}"))
    return outcomes


def _history(run: Path) -> tuple[Epoch, ...]:
    path = run / "history.csv"
    if not path.exists():
        return ()
    with _damage_as_input_error(path):
        check_tables(run)
        return tuple(
            Epoch(**{name: Epoch.__annotations__[name](value) for name, value in line.items()})
            for line in read_rows(path)
        )


def _measured(
    run: Path,
) -> tuple[dict[str, dict[str, float | None]], tuple[str, ...], int | None]:
    """A run's figures by split, the classes that it answers on the validation images, its epoch."""
    path = run / "metrics.json"
    with _damage_as_input_error(path):
        of_split = MEASURED | dict.fromkeys(FIGURES, FIGURE)
        shape = {"validation": of_split, "test?": of_split, "measured_epoch?": {"epoch": int}}
        metrics = seal.read_sealed(path, shape)
        columns = zip(*metrics["validation"]["confusion_matrix"], strict=True)
        classes = metrics["validation"]["per_class"]
        answers = tuple(name for name, column in zip(classes, columns, strict=True) if any(column))
    figures = {
        split: {name: metrics[split][name] for name in FIGURES}
        for split in ("validation", "test")
        if split in metrics
    }
    return figures, answers, metrics.get("measured_epoch", {}).get("epoch")


@contextlib.contextmanager
def _damage_as_input_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError([f"{path}: {error.strerror}"]) from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError([f"{path} is damaged ({first_line(error)})"]) from None
