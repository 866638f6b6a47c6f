"""The tests; while they run, annotations of the packages are checked.

An int may stand for a float (PEP 484).
"""

import inspect
import typing
from collections.abc import Callable
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype

typechecker = beartype(conf=BeartypeConf(is_pep484_tower=True))

_jaxtyped = jaxtyping.jaxtyped


def _checked(*, typechecker: Callable) -> Callable:
    """`jaxtyped` of what speaks of shapes; of all else the types alone, in a tenth of the time."""

    def decorate(decorated: Any) -> Any:
        annotations = getattr(decorated, "__annotations__", {}).values()
        if inspect.isclass(decorated) or any(map(_has_shape, annotations)):
            return _jaxtyped(decorated, typechecker=typechecker)
        return typechecker(decorated)

    return decorate


def _has_shape(annotation: Any) -> bool:
    """Whether it is of an array or a tree, or holds one, or is text, which may."""
    if isinstance(annotation, str | list):  # a list are the arguments of a Callable
        return isinstance(annotation, str) or any(map(_has_shape, annotation))
    if inspect.isclass(annotation) and annotation.__module__.startswith("jaxtyping"):
        return True
    return any(map(_has_shape, typing.get_args(annotation)))


jaxtyping.jaxtyped = _checked  # the import hook's decorator
