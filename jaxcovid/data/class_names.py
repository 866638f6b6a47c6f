"""Names of classes that look alike: which are one, and how others differ."""

import unicodedata
from collections.abc import Collection, Iterable
from itertools import combinations


def composed(name: str) -> str:
    """A name with letters and their accents as one character each (NFC); macOS takes them apart."""
    return unicodedata.normalize("NFC", name)


def unified(names: Iterable[str], known: Collection[str] = ()) -> dict[str, str]:
    """For each name the one that stands for all that differ only in how accents are stored.

    That is the one among the `known`, which stay as they are, else the composed one.
    """
    by_form = {composed(name): name for name in known}
    return {
        name: name if name in known else by_form.get(composed(name), composed(name))
        for name in names
    }


def look_alikes(names: Iterable[str]) -> list[str]:
    """Sentences about names of which two look alike, and how they differ."""
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(_looks(name), []).append(name)
    pairs = [pair for group in groups.values() for pair in combinations(group, 2)]
    return [f"classes {one!r} and {other!r} {_difference(one, other)}" for one, other in pairs]


def likeness(name: str, names: Iterable[str]) -> str:
    """Which of the names one looks like that is not among them, as the end of a sentence."""
    alike = [other for other in names if _looks(other) == _looks(name)]
    return "".join(f"; {name!r} and {other!r} {_difference(name, other)}" for other in alike[:1])


def _difference(one: str, other: str) -> str:
    """How names differ that look alike."""
    if composed(one).casefold() == composed(other).casefold():
        return "differ in case only"
    blanks = [
        f"{name!r} has a {place} blank"
        for name in (one, other)
        for place, shorter in (("leading", name.lstrip()), ("trailing", name.rstrip()))
        if name != shorter
    ]
    if blanks:
        return f"differ in blanks: {', '.join(blanks)}"
    return f"look alike, but are {one!a} and {other!a}"


def _looks(name: str) -> str:
    """What names that look alike have in common."""
    shown = ""
    for character in unicodedata.normalize("NFKC", name):
        category = unicodedata.category(character)
        if category != "Cf":  # such as blanks of no width
            shown += "-" if category == "Pd" else character  # dashes of any length
    return " ".join(unicodedata.normalize("NFKC", shown.casefold()).split())
