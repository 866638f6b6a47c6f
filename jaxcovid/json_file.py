"""JSON files of ours as they are read back: whatever is in them, it is a value or a message."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any

from jaxcovid.regular_file import MOST, read_text
from weights_convert.printable import printable

# How deeply lists and objects may be nested, and what whole numbers may be at most.
DEEPEST, LARGEST = 64, 2**63

# What a value is to be: a type (float is any number), several in a tuple, [of elements], {str: of
# all values} or {"name": of its value} with at least these names ("name?": it may be missing).
Shape = Any

WORDS = {
    dict: "names with values",
    list: "a list",
    str: "text",
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    NoneType: "null",
}


def read_json(path: Path, shape: Shape = dict, most: int = MOST, finite: bool = True) -> Any:
    """The value in a file of at most so many bytes, which has that shape.

    Its numbers are finite (if `finite`), its names stand once, its text is Unicode. Raises OSError,
    and ValueError with one line that says what is wrong.
    """
    value = parsed_json(read_text(path, most), finite)
    if problem := misfit(value, shape):
        raise ValueError(problem)
    return value


def parsed_json(text: str, finite: bool = True) -> Any:
    """The value that the text is. Raises ValueError with one line."""
    try:
        value = json.loads(
            text,
            parse_constant=_refuse if finite else float,
            parse_float=_finite if finite else float,
            parse_int=_whole,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
    if level:
        raise ValueError("it is nested too deeply")
    return value


def misfit(value: Any, shape: Shape, place: str = "") -> str | None:
    """What is not as the shape says, and where; None if all is.

    >>> misfit({"grid": {"lr": ["x"]}}, {"grid": {str: [float]}})
    'grid, lr, 0: expected a number, found text'
    >>> misfit({}, {"seeds": int})
    'seeds: missing'
    """
    inner: Iterator[tuple[Any, Any, Any]]
    if isinstance(shape, list) and isinstance(value, list):
        inner = ((number, element, shape[0]) for number, element in enumerate(value))
    elif isinstance(shape, dict) and isinstance(value, dict):
        if str in shape:
            inner = ((name, element, shape[str]) for name, element in value.items())
        else:
            kinds = {name.removesuffix("?"): kind for name, kind in shape.items()}
            missing = [name for name in kinds if name not in value]
            if needed := [name for name in missing if f"{name}?" not in shape]:
                return ", ".join(filter(None, [place, needed[0]])) + ": missing"
            inner = ((name, value[name], kind) for name, kind in kinds.items() if name in value)
    elif isinstance(shape, tuple):
        problems = [misfit(value, kind, place) for kind in shape]
        return None if None in problems else problems[0]
    else:
        kind = type(shape) if isinstance(shape, list | dict) else shape
        if type(value) is kind or (kind is float and type(value) is int):
            return None
        words = f"expected {WORDS[kind]}, found {WORDS[type(value)]}"
        return f"{place}: {words}" if place else words
    for name, element, kind in inner:
        where = ", ".join(filter(None, [place, printable(str(name), 60)]))
        if problem := misfit(element, kind, where):
            return problem
    return None


def _inside(value: Any) -> list[Any]:
    if isinstance(value, str):
        if not value.isascii() and value.encode("utf-8", "ignore").decode() != value:
            raise ValueError("it holds text that is no Unicode")
        if "\0" in value:
            raise ValueError("it holds a NUL character")
        return []
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) < len(pairs):
        twice = next(name for place, (name, _) in enumerate(pairs) if name in dict(pairs[:place]))
        raise ValueError(f"it holds {printable(twice, 60)} twice")
    return names


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _whole(text: str) -> int:
    number = int(text) if len(text) < 40 else LARGEST
    return number if -LARGEST <= number < LARGEST else _refuse(text)


def _refuse(text: str) -> Any:
    raise ValueError(f"{printable(text, 40)} is not a finite number that it may hold")
