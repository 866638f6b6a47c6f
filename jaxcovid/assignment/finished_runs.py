"""Experiments with several seeds, as written and corrected, as their runs' folders tell them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from jaxcovid import seal
from jaxcovid.assignment.preset import Preset
from jaxcovid.checksums import check_tables
from jaxcovid.csv_file import read_rows
from jaxcovid.errors import InputError, first_line
from jaxcovid.json_file import misfit
from jaxcovid.statistics.contributions import auroc_contributions, balanced_accuracy_contributions
from jaxcovid.stored_shapes import MEASURED, RECORD

# Folder name and words of each way to run an experiment.
VARIANTS = {"as-written": "as written", "corrected": "corrected"}

# In the folder of a run that diverged, with its message: such a run ends, but has no results.
DIVERGED = "diverged.txt"


class Run(NamedTuple):
    """A finished run: its metrics on the split that counts, and how it came to them."""

    seed: int
    split: str
    classes: tuple[str, ...]
    metrics: Mapping[str, Any]
    """Those of the split, as in metrics.json."""
    correct: Bool[np.ndarray, "n"]
    """Which images of the split it classifies right, in the order of predictions.csv."""
    history: tuple[Mapping[str, float], ...]
    """A mapping for each line of history.csv, by column."""
    settings: Mapping[str, Any]
    """What config.json holds."""
    contributions: Mapping[str, Float[np.ndarray, "n"]]
    """What each of these images contributes to balanced accuracy and macro AUROC, where defined."""

    @property
    def only_answer(self) -> str:
        """The class that it answers for every image of the split; "" if there is none such."""
        return only_answer(self.metrics["confusion_matrix"], self.classes)


class Outcome(NamedTuple):
    """What became of one planned run; without `run` it is diverged or not finished."""

    variant: str
    seed: int
    folder: str
    """Relative to that of the reproduction."""
    run: Run | None = None
    diverged: str = ""


class Experiment(NamedTuple):
    """One experiment of the assignment, and what became of its runs."""

    name: str
    preset: Preset
    outcomes: tuple[Outcome, ...]

    def runs(self, variant: str) -> list[Run]:
        """The finished runs of that variant, by seed."""
        runs = (outcome.run for outcome in self.outcomes if outcome.variant == variant)
        return [run for run in runs if run is not None]

    def planned(self, variant: str) -> int:
        """How many runs of that variant there are to be."""
        return sum(outcome.variant == variant for outcome in self.outcomes)


def only_answer(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    """The class whose column of a confusion matrix holds every image; "" if there is none such."""
    columns = np.sum(confusion, 0)
    return classes[int(columns.argmax())] if columns.max() == columns.sum() > 0 else ""


def is_finished(folder: Path) -> bool:
    """Whether there is nothing left to do for the run."""
    return (folder / "metrics.json").is_file() or (folder / DIVERGED).is_file()


def read_outcome(root: Path, folder: str, variant: str, seed: int, split: str) -> Outcome:
    """What became of the run in that folder below the root. Raises InputError if it is damaged."""
    run, diverged = None, ""
    if (root / folder / "metrics.json").is_file():
        run = read_run(root / folder, seed, split)
    elif (root / folder / DIVERGED).is_file():
        diverged = (root / folder / DIVERGED).read_text(errors="replace").strip()
    return Outcome(variant, seed, folder, run, diverged)


def read_run(folder: Path, seed: int, split: str) -> Run:
    """A finished run's results on that split, or on validation if it has no such.

    Raises InputError if a file is damaged.
    """
    path = folder
    try:
        path = folder / "metrics.json"
        metrics = seal.read_sealed(path)
        split = split if split in metrics else "validation"
        if problem := misfit(metrics, {split: MEASURED}):
            raise ValueError(problem)
        if {*map(len, metrics[split]["confusion_matrix"])} != {len(metrics[split]["per_class"])}:
            raise ValueError(f"{split}, confusion_matrix: not a row and a column for each class")
        measured = metrics[split]
        path = folder / "config.json"
        settings = seal.read_sealed(path, RECORD)
        path = folder
        check_tables(folder)
        path = folder / "history.csv"
        history = tuple(
            {name: float(value) for name, value in row.items()} for row in read_rows(path)
        )
        path = folder / "predictions.csv"
        rows = [row for row in read_rows(path) if row["split"] == split]
        correct = np.array([row["correct"] == "True" for row in rows], bool)
        classes = tuple(measured["per_class"])
        contributions = _contributions(rows, correct, classes)
    except OSError as error:
        raise InputError([f"{path}: {error.strerror}; delete {folder} to run it again"]) from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            [f"{path} is damaged ({first_line(error)}); delete {folder} to run it again"]
        ) from None
    return Run(seed, split, classes, measured, correct, history, settings, contributions)


def _contributions(
    rows: Sequence[Mapping[str, str]], correct: Bool[np.ndarray, "n"], classes: Sequence[str]
) -> dict[str, Float[np.ndarray, "n"]]:
    """By figure, of the lines of predictions.csv; of a split without labels none."""
    if not rows or any(row["label"] not in classes for row in rows):
        return {}
    labels = np.array([classes.index(row["label"]) for row in rows])
    probabilities = np.array([[float(row[f"prob_{name}"]) for name in classes] for row in rows])
    figures = {
        "balanced_accuracy": balanced_accuracy_contributions(labels, correct),
        "auroc": auroc_contributions(labels, probabilities),
    }
    return {name: values for name, values in figures.items() if values is not None}
