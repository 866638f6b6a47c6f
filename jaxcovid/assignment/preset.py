"""An experiment of the assignment, and what its source says came out of it."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from jaxcovid.assignment.settings import Mistake

TWO_CLASSES = ("infected", "normal")
THREE_CLASSES = ("covid-19", "normal", "pneumonia")


class Reported(NamedTuple):
    """Figures as their source prints them; accuracy from 0 to 1."""

    accuracy: float
    f1: float | None = None
    confusion: tuple[tuple[int, ...], ...] | None = None
    """Rows are the true classes."""
    classes: tuple[str, ...] = ("infected", "normal")
    """The order of its rows and columns, and the classes of the data."""
    minutes: float | None = None
    """On a Colab GPU of 2020."""
    split: Literal["validation", "test"] = "validation"


class Preset(NamedTuple):
    """One experiment, and what its source reports of it."""

    title: str
    part: Literal[1, 2]
    source: Literal["seed", "task sheet", "sister", "question"]
    settings: Mapping[str, Any]
    """What the source says, as fields of `Config`, also where that is the default."""
    notes: str
    """What is odd about the settings or the figures."""
    reported: Reported | None = None
    weights_file: str | None = None
    """The name that the assignment wants for the trained weights."""
    mistakes: tuple[Mistake, ...] = ()
    """Those of the original that change its figures."""
    as_run: Mapping[str, Any] = {}
    """Settings of the original that were not what its author meant."""


def weights_file(model: str, kind: str) -> str:
    """The name that the assignment wants for the weights of that network and kind of training."""
    return f"{model.replace('resnet', 'res')}_{kind}.pth"
