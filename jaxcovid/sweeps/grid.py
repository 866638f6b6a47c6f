"""The settings that a sweep tries, and their members: each setting with each seed."""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from jaxcovid.config import Config, problems
from jaxcovid.results import Epoch
from jaxcovid.training.members import VARIED


class Grid(NamedTuple):
    """Values to try by setting, all with all, and how many seeds for each."""

    values: Mapping[str, Sequence[float]]
    seeds: int = 1

    @property
    def settings(self) -> list[dict[str, float]]:
        """Every combination of values."""
        rows = itertools.product(*self.values.values())
        return [dict(zip(self.values, row, strict=True)) for row in rows]

    @property
    def varied(self) -> list[str]:
        """The settings with several values."""
        return [name for name, values in self.values.items() if len(values) > 1]


class Outcome(NamedTuple):
    """What became of a member; `figures` are those of `sweep_fit.figures` by split."""

    place: int
    diverged: int  # the epoch in which its numbers became infinite or NaN; 0 if none
    history: tuple[Epoch, ...]
    figures: Mapping[str, Mapping[str, float | None]]

    def as_json(self) -> dict[str, Any]:
        """Of JSON's types; numbers that are not finite as text."""
        history = [[_told(value) for value in epoch] for epoch in self.history]
        return {**self._asdict(), "history": history}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Outcome":
        """Undoes `as_json`."""
        history = tuple(
            Epoch(*(cast(Any, float(each) if isinstance(each, str) else each) for each in epoch))
            for epoch in told["history"]
        )
        return cls(told["place"], told["diverged"], history, told["figures"])


def best_of(outcomes: Sequence[Outcome]) -> Outcome | None:
    """The highest validation accuracy at the end, of equal ones the lowest loss."""
    whole = [outcome for outcome in outcomes if not outcome.diverged]

    def rank(outcome: Outcome) -> tuple[float, float, int]:
        last = outcome.history[-1]
        return -last.validation_accuracy, last.validation_loss, outcome.place

    return min(whole, key=rank, default=None)


def members(config: Config, grid: Grid) -> list[Config]:
    """Setting by setting, and seed by seed from `--seed` on."""
    return [
        dataclasses.replace(config, **_fields(setting), seed=config.seed + number)
        for setting in grid.settings
        for number in range(grid.seeds)
    ]


def grid_problems(config: Config, grid: Grid) -> list[str]:
    """What is wrong with the members' settings, and what would not tell them apart."""
    if grid.seeds < 1:
        return [f"--seeds: {grid.seeds} is not a whole number of at least 1"]
    found = [problem for member in members(config, grid) for problem in problems(member)]
    effects = {
        "momentum": (config.optimizer == "sgd", f"--optimizer {config.optimizer} has none"),
        "focal_gamma": (config.loss == "focal", "it needs --loss focal"),
        "focal_alpha": (config.loss == "focal", "it needs --loss focal"),
        "backbone_lr": (config.trainable != "head", "nothing below the head trains"),
    }
    for name, values in grid.values.items():
        flag = f"--{name.replace('_', '-')}"
        if len(set(values)) < len(values):
            found.append(f"{flag}: a value is given twice")
        has_effect, reason = effects.get(name, (True, ""))
        if len(values) > 1 and not has_effect:
            found.append(f"{flag}: several values make no difference here; {reason}")
    if config.num_processes is not None:
        found.append("--num-processes: a sweep runs in one process")
    return list(dict.fromkeys(found))


def named(setting: Mapping[str, float], varied: Sequence[str] = VARIED) -> str:
    """Such as "lr 0.001, momentum 0.9"."""
    shown = [f"{name.replace('_', ' ')} {setting[name]:g}" for name in varied if name in setting]
    return ", ".join(shown) or "the one setting"


def _told(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def _fields(setting: Mapping[str, float]) -> dict[str, Any]:
    return {name: (value,) if name == "focal_alpha" else value for name, value in setting.items()}
