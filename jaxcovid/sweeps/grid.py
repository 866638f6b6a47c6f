"""The settings that a sweep tries, and their members: each setting with each seed."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jaxcovid.config import Config
from jaxcovid.config_problems import problems
from jaxcovid.training.members import VARIED


class Grid(NamedTuple):
    """Values to try by the setting's name, all with all, and how many seeds for each.

    Seeds count from the setting `seed` on.

    >>> grid = jaxcovid.Grid({"lr": (1e-3, 1e-2), "momentum": (0.9,)}, seeds=3)
    >>> grid.settings
    [{'lr': 0.001, 'momentum': 0.9}, {'lr': 0.01, 'momentum': 0.9}]
    """

    values: Mapping[str, Sequence[float]]
    seeds: int = 1

    @property
    def settings(self) -> list[dict[str, float]]:
        """Every combination of values, the last setting varying fastest."""
        rows = itertools.product(*self.values.values())
        return [dict(zip(self.values, row, strict=True)) for row in rows]

    @property
    def varied(self) -> list[str]:
        """The names of the settings that have several values."""
        return [name for name, values in self.values.items() if len(values) > 1]


def grid_members(config: Config, grid: Grid) -> list[Config]:
    """The settings of all members: combination by combination, and of each seed by seed.

    `config` holds what they have in common; seeds count from its `seed` on, and all have the same
    images.
    """
    drawn = {"seeds": 1, "split_seed": config.drawing_seed if grid.seeds > 1 else config.split_seed}
    return [
        dataclasses.replace(config, **drawn, **_fields(setting), seed=config.seed + number)
        for setting in grid.settings
        for number in range(grid.seeds)
    ]


def grid_problems(config: Config, grid: Grid) -> list[str]:
    """What is wrong with the members' settings, and values that would make no difference.

    Each problem is a sentence that names the setting in backquotes; none: the grid can be trained.
    """
    if grid.seeds < 1:
        return [f"`seeds`: {grid.seeds} is not a whole number of at least 1"]
    wrong = [problem for member in grid_members(config, grid) for problem in problems(member)]
    effects = {
        "momentum": (config.optimizer == "sgd", f"`optimizer={config.optimizer}` has none"),
        "focal_gamma": (config.loss == "focal", "it needs `loss=focal`"),
        "focal_alpha": (config.loss == "focal", "it needs `loss=focal`"),
        "backbone_lr": (config.trainable != "head", "nothing below the head trains"),
    }
    for name, values in grid.values.items():
        if len(set(values)) < len(values):
            wrong.append(f"`{name}`: a value is given twice")
        has_effect, reason = effects.get(name, (True, ""))
        if len(values) > 1 and not has_effect:
            wrong.append(f"`{name}`: several values make no difference here; {reason}")
    if config.seeds not in (1, grid.seeds):
        wrong.append(f"`seeds`: {config.seeds}, but the grid has {grid.seeds}; leave one out")
    if config.is_folded:
        wrong.append("`folds`: a sweep has none; give one of them, `fold`, or leave it out")
    if config.patience is not None:
        wrong.append("`patience`: all members of a sweep train for the same epochs; leave it out")
    if config.num_processes is not None:
        wrong.append("`num_processes`: a sweep runs in one process")
    return list(dict.fromkeys(wrong))


def setting_name(setting: Mapping[str, float], varied: Sequence[str] = VARIED) -> str:
    """A combination of values in words, of the settings `varied`: "lr 0.001, momentum 0.9"."""
    parts = [f"{name.replace('_', ' ')} {setting[name]:g}" for name in varied if name in setting]
    return ", ".join(parts) or "the one setting"


def _fields(setting: Mapping[str, float]) -> dict[str, Any]:
    return {name: (value,) if name == "focal_alpha" else value for name, value in setting.items()}
