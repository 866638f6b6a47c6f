"""Text from files and names as it may be shown: on a terminal, in a message, on one line."""

from collections.abc import Iterable
from itertools import islice
from typing import Any


def printable(text: str, most: int = 200) -> str:
    r"""The text with what is no printable character as its escape, cut to so many characters.

    So a name from a file can neither steer a terminal nor pretend to be a line of its own.

    >>> printable("fc\x1b[31m.weight\n")
    'fc\\x1b[31m.weight\\n'
    """
    shown = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text[: most + 1].encode("utf-8", "backslashreplace").decode()
    )
    return shown if len(shown) <= most else f"{shown[: most - 3]}..."


def brief(value: Any) -> str:
    """A text or number as it may be shown; of anything else the type alone, however large it is.

    >>> brief(("a",) * 1000), brief("epoch"), brief(3)
    ('a tuple', "'epoch'", '3')
    """
    if isinstance(value, str):
        return f"'{printable(value, 60)}'"
    if value is None or isinstance(value, bool | float):
        return str(value)
    if isinstance(value, int):
        return str(value) if value.bit_length() < 100 else f"a number of {value.bit_length()} bits"
    return f"a {type(value).__name__}"


def listed(names: Iterable[str], count: int, most: int = 4) -> str:
    """The first of `count` names and how many more there are.

    >>> listed(["a", "b", "c"], 3, most=2)
    'a, b and 1 more'
    """
    shown = ", ".join(printable(name, 60) for name in islice(names, most))
    return f"{shown} and {count - most:,} more" if count > most else shown
