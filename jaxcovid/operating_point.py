"""Where a class is called: at what sensitivity or specificity; imports nothing slow."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

FIGURES = ("sensitivity", "specificity")


class OperatingPoint(NamedTuple):
    """The threshold of a class that has at least so much (0 to 1) of a figure of `FIGURES`."""

    name: str
    figure: str
    least: float

    @property
    def key(self) -> str:
        """What it is called among the thresholds of its class."""
        return f"{self.figure}={self.least!r}"


def parsed(text: str) -> OperatingPoint:
    """What a text such as "covid-19:sensitivity=0.95" names. Raises ValueError.

    >>> parsed("covid-19:sensitivity=0.95").key
    'sensitivity=0.95'
    """
    name, _, wanted = text.rpartition(":")
    figure, _, number = wanted.partition("=")
    try:
        least = float(number)
    except ValueError:
        least = math.nan
    if not name or figure not in FIGURES or not 0 < least < 1:
        raise ValueError(
            f"{text!r} is not CLASS:sensitivity=NUMBER or CLASS:specificity=NUMBER, such as "
            "covid-19:sensitivity=0.95, the number above 0 and below 1"
        )
    return OperatingPoint(name, figure, least)


def points_of(record: Mapping[str, Any]) -> list[OperatingPoint]:
    """Those that the settings of a run ask for."""
    return [parsed(text) for text in record.get("operating_point", ())]


def unfit_points(texts: Iterable[str], classes: Sequence[str]) -> list[str]:
    """A sentence for each text that is no point of these classes, all of them if none is known."""
    problems = []
    for text in texts:
        try:
            point = parsed(text)
        except ValueError as error:
            problems.append(f"`operating_point`: {error}")
            continue
        if classes and point.name not in classes:
            known = ", ".join(classes)
            problems.append(f"`operating_point`: {point.name!r} is no class; there are {known}")
    return problems
