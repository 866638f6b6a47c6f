"""What figures are called, and how they, counts and names are put in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxcovid.data.split_folders import WHOLE

OVERALL = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_precision": "macro precision",
    "macro_recall": "macro sensitivity",
    "macro_specificity": "macro specificity",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "mcc": "Matthews correlation",
    "auroc": "macro AUROC",
    "auprc": "macro AUPRC",
    "ece": "calibration error (ECE)",
    "brier": "Brier score",
}

PER_CLASS = {
    "support": "images",
    "precision": "precision (PPV)",
    "recall": "sensitivity",
    "specificity": "specificity",
    "npv": "NPV",
    "f1": "F1",
    "auroc": "AUROC",
    "auprc": "AUPRC",
}

# Characters of a class's name that a sentence shows.
LONGEST = 40


def with_interval(
    value: float, interval: Sequence[float] | None, sign: str = "", reason: str = ""
) -> str:
    """A figure and its 95 % interval in brackets, to three digits; `sign` is "+" to show it.

    `reason` says why there is no interval, if there is none.
    """
    if interval is None:
        return f"{value:{sign}.3f} (no interval{': ' if reason else ''}{reason})"
    low, high = interval
    return f"{value:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"


def figure(values: Mapping[str, Any], sign: str = "") -> str:
    """The same of a figure that is stored as {"value", "low", "high"}, perhaps with a reason."""
    return with_interval(values["value"], ends(values), sign, values.get("reason", ""))


def ends(values: Mapping[str, Any]) -> tuple[float, float] | None:
    """The interval of a figure that is stored so; None if it has none."""
    low, high = values.get("low"), values.get("high")
    return None if low is None or high is None else (low, high)


def percents(share: Mapping[str, Any]) -> str:
    """A share that is stored as a figure is, in per cent with its interval."""
    interval = ends(share)
    value = f"{100 * share['value']:.0f} %"
    if interval is None:
        return value
    low, high = interval
    return f"{value} (95 % interval {100 * low:.0f} to {100 * high:.0f} %)"


def p_value(value: float) -> str:
    """A p-value to three digits, but never as 0."""
    return f"p {p_number(value)}" if value < 0.001 else f"p = {p_number(value)}"


def p_number(value: float) -> str:
    """The same for a column of p-values."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def counted(number: int, what: str, plural: str = "") -> str:
    """A number and what it counts, such as "1 image" and "2 images"."""
    return f"{number:,} {what if number == 1 else plural or what + 's'}"


def listed(names: Sequence[str]) -> str:
    """Names, at least one, with commas and an "and"."""
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last


def images_of(split: str) -> str:
    """The images of a split in words, all where a folder has no splits."""
    return "all images" if split == WHOLE else f"the {split_name(split)} images"


def split_name(split: str) -> str:
    """A split as sentences and tables call it."""
    return split.replace("_", "-")


def first_of(names: Sequence[str], most: int) -> str:
    """At most so many names, with dots for the others."""
    return ", ".join([*names[:most], *["..."] * (len(names) > most)])


def quoted(name: str) -> str:
    """A class's name in quotation marks, cut short if it is long."""
    return f"“{short(name)}”"


def short(name: str) -> str:
    """A name, cut short if it is long."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..."


def about(values: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
    """The figure of that name, stored as {"value", "low", "high"}; None if it has no value."""
    named = values.get(key)
    return None if named is None or named.get("value") is None else named


def reason_words(reason: str) -> str:
    """Why something is missing; a command that does it as code."""
    command = reason.removeprefix("not run: ")
    return reason if command == reason else f"not run here; to run it: `{command}`"


def sentence(text: str) -> str:
    """The text with a capital in front and a stop behind."""
    text = text[:1].upper() + text[1:]
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."
