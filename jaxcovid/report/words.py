"""How figures, counts and names are put in words."""

from collections.abc import Mapping, Sequence
from typing import Any

# Characters of a class's name that a sentence shows.
LONGEST = 40


def with_interval(value: float, interval: Sequence[float] | None, sign: str = "") -> str:
    """A figure and its 95 % interval in brackets, to three digits; `sign` is "+" to show it."""
    if interval is None:
        return f"{value:{sign}.3f} (no interval)"
    low, high = interval
    return f"{value:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"


def figure(values: Mapping[str, float | None], sign: str = "") -> str:
    """The same of a figure that is stored as {"value", "low", "high"}; its value is a number."""
    assert values["value"] is not None
    return with_interval(values["value"], ends(values), sign)


def ends(values: Mapping[str, float | None]) -> tuple[float, float] | None:
    """The interval of a figure that is stored so; None if it has none."""
    low, high = values.get("low"), values.get("high")
    return None if low is None or high is None else (low, high)


def p_value(value: float) -> str:
    """A p-value to three digits, but never as 0."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def counted(number: int, what: str, plural: str = "") -> str:
    """A number and what it counts, such as "1 image" and "2 images"."""
    return f"{number:,} {what if number == 1 else plural or what + 's'}"


def listed(names: Sequence[str]) -> str:
    """Names, at least one, with commas and an "and"."""
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last


def first_of(names: Sequence[str], most: int) -> str:
    """At most so many names, with dots for the others."""
    return ", ".join([*names[:most], *["..."] * (len(names) > most)])


def quoted(name: str) -> str:
    """A class's name in quotation marks, cut short if it is long."""
    return f"“{short(name)}”"


def short(name: str) -> str:
    """A name, cut short if it is long."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..."


def about(values: Mapping[str, Any], key: str) -> Mapping[str, float | None] | None:
    """The figure of that name, stored as {"value", "low", "high"}; None if it has no value."""
    found = values.get(key)
    return None if found is None or found.get("value") is None else found


def reason_words(reason: str) -> str:
    """Why something is missing; a command that does it as code."""
    command = reason.removeprefix("not run: ")
    return reason if command == reason else f"not run here; to run it: `{command}`"


def sentence(text: str) -> str:
    """The text with a capital in front and a stop behind."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
