"""What is reached at the operating points that were asked for, from a split's metrics."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from jaxcovid.operating_point import parsed

Interval = Sequence[float] | None


class Reached(NamedTuple):
    """A point of the class `name`: what was asked for, its threshold, and what that gives here.

    Of folds, each of which has a threshold of its own, there is none; figures are None where they
    are undefined.
    """

    name: str
    asked: str
    threshold: float | None
    sensitivity: float | None
    specificity: float | None
    of_sensitivity: Interval
    of_specificity: Interval
    # Why a figure is undefined, if one is.
    reason: str = ""


def reached_points(metrics: Mapping[str, Any] | None) -> Iterator[Reached]:
    """The points that were asked for, class by class; none where nothing is measured."""
    for name, values in ({} if metrics is None else metrics["per_class"]).items():
        assert metrics is not None
        intervals = metrics["intervals"]["per_class"][name]
        for key, threshold in values.items():
            if not key.startswith("threshold_"):
                continue
            point = key.removeprefix("threshold_")
            try:
                asked = parsed(f"{name}:{point}")
            except ValueError:  # the usual ones, and whatever else stands in a file
                continue
            sensitivity, specificity = f"sensitivity_at_{point}", f"specificity_at_{point}"
            undefined = metrics["undefined"]
            reasons = [
                undefined.get(f"per_class.{name}.{key}") for key in (sensitivity, specificity)
            ]
            yield Reached(
                name, f"{asked.figure} {asked.least!r}", threshold, values[sensitivity],
                values[specificity], intervals[sensitivity], intervals[specificity],
                next(filter(None, reasons), ""),
            )  # fmt: skip
