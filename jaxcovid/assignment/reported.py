"""What the source of an experiment says came out of it."""

from typing import Literal, NamedTuple


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
