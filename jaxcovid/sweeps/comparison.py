"""The settings of a sweep, compared over their seeds."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxcovid.statistics.paired_tests import p_against_best
from jaxcovid.statistics.seed_statistics import Estimate, over_seeds
from jaxcovid.sweeps.grid import Grid
from jaxcovid.sweeps.metric import WORDS, Metric, merit
from jaxcovid.sweeps.outcome import Outcome

# Why a setting is left out whose seeds each answer a single class for every validation image.
CONSTANT = "one class only"


class Setting(NamedTuple):
    """One combination of values, and how its seeds did on the validation images.

    `figures` are estimates over seeds.
    """

    values: Mapping[str, float]
    outcomes: Sequence[Outcome]
    # None if no seed has it.
    figures: Mapping[Metric, Estimate | None]
    # That of its difference from the best setting, which is chosen on the same seeds.
    p_value: float | None = None
    # Why it is not compared with the others; "" if it is.
    left_out: str = ""

    @property
    def whole(self) -> list[Outcome]:
        """The outcomes of the seeds that did not diverge."""
        return [outcome for outcome in self.outcomes if not outcome.diverged]

    @property
    def only_answers(self) -> list[str]:
        """Of each seed that answers one class for every validation image, that class."""
        return [outcome.only_answer for outcome in self.whole if outcome.only_answer]

    @property
    def is_constant(self) -> bool:
        """Whether no seed tells classes apart."""
        return bool(self.whole) and len(self.only_answers) == len(self.whole)


class Comparison(NamedTuple):
    """The settings of a sweep, judged by a figure.

    `best` is the place of the best; None if every member diverged.
    """

    metric: Metric
    settings: Sequence[Setting]
    best: int | None

    @property
    def compared(self) -> list[Setting]:
        """Those of which the best was chosen, itself among them."""
        return [setting for setting in self.settings if not setting.left_out]


def compare_settings(grid: Grid, outcomes: Sequence[Outcome], metric: Metric) -> Comparison:
    """The settings with their means over seeds, the best of them, and p of each against it.

    `outcomes` are of all members, in any order. A setting of which a seed diverged or has no such
    figure, or whose seeds each answer one class only, is left out unless there are no others.
    """
    ordered = sorted(outcomes, key=lambda outcome: outcome.place)
    settings = [
        _setting(values, ordered[number * grid.seeds : (number + 1) * grid.seeds])
        for number, values in enumerate(grid.settings)
    ]
    places = _comparable(settings, metric)
    if not places:
        return Comparison(metric, settings, None)
    merits = [
        [merit(metric, value) for value in _known(settings[place].outcomes, metric)]
        for place in places
    ]
    best = places[int(np.argmax([np.mean(row) for row in merits]))]
    p_values: dict[int, float | None] = {}
    if all(len(row) == grid.seeds for row in merits):
        p_values = dict(zip(places, p_against_best(np.array(merits)), strict=True))
    return Comparison(
        metric,
        [
            setting._replace(p_value=p_values.get(place))
            if place in places
            else setting._replace(left_out=_why_left_out(setting))
            for place, setting in enumerate(settings)
        ],
        best,
    )


def _setting(values: Mapping[str, float], outcomes: Sequence[Outcome]) -> Setting:
    figures: dict[Metric, Estimate | None] = {}
    for metric in WORDS:
        known = _known(outcomes, metric)
        highest = float("inf") if metric == "loss" else 1.0
        figures[metric] = over_seeds(known, highest) if known else None
    return Setting(values, outcomes, figures)


def _known(outcomes: Sequence[Outcome], metric: Metric) -> list[float]:
    values = (outcome.validation(metric) for outcome in outcomes)
    return [value for value in values if value is not None]


def _comparable(settings: Sequence[Setting], metric: Metric) -> list[int]:
    """The places of the settings of which the best is chosen."""
    known = [_known(setting.outcomes, metric) for setting in settings]
    some = [place for place, values in enumerate(known) if values]
    whole = [place for place in some if len(known[place]) == len(settings[place].outcomes)]
    learned = [place for place in some if not settings[place].is_constant]
    both = [place for place in learned if place in whole]
    return both or learned or whole or some


def _why_left_out(setting: Setting) -> str:
    if not setting.whole:
        return "diverged"
    if setting.is_constant:
        return CONSTANT
    return "a seed diverged" if len(setting.whole) < len(setting.outcomes) else "undefined"
