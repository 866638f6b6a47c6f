"""Arguments become flags, with what every command does alike: `~`, empty paths, odd characters."""

import ast
import contextlib
import dataclasses
import inspect
import io
import os
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import tyro

from jaxcovid.data.class_names import composed
from weights_convert.terminal import tell

Flags = TypeVar("Flags")

# Settings that are a path, or a word that means something else.
PATHS_AS_TEXT = ("data", "weights", "part1", "part2", "weights_resnet18", "weights_vgg16")

# Settings of texts that name classes.
NAMING_CLASSES = ("merge", "multilabel", "operating_point")


def parsed(kind: type[Flags], arguments: Sequence[str], program: str, **options: Any) -> Flags:
    """The flags of a command from its arguments; exits with a message if they are not such.

    `program` is the command as help names it, and `options` are further ones of `tyro.cli`. `~` in
    a path is the user's folder, as the shell has it; it leaves that alone after `=`. Accents in
    names of classes are stored as those of folders are read.
    """
    flags = read_flags(kind, arguments, program, **options)
    if empty := empty_paths(kind, arguments):
        tell("\n".join(empty))
        sys.exit(2)
    return as_meant(flags)


def read_flags(kind: Any, arguments: Sequence[str], program: str, **options: Any) -> Any:
    """What tyro makes of the arguments; its messages hold nothing that steers a terminal."""
    _restore_docstrings(kind)
    options = {"config": (tyro.conf.OmitArgPrefixes,), **options}
    if all(argument.isprintable() for argument in arguments):
        return tyro.cli(kind, args=arguments, prog=program, **options)
    message = io.StringIO()
    try:
        with contextlib.redirect_stderr(message):
            return tyro.cli(kind, args=arguments, prog=program, **options)
    finally:
        if message.getvalue():
            tell(message.getvalue().rstrip("\n"))


def empty_paths(kind: type, arguments: Sequence[str]) -> list[str]:
    """A sentence for each path that is empty text: to Python that is the current folder."""
    takes = {name: hint for name, hint in _settings(kind) if hint is not bool}
    empty, flag = [], ""  # `flag`: whose value comes next, if it may
    for argument in arguments:
        if argument.startswith("--"):
            flag, sign, value = argument.partition("=")
            name = flag.removeprefix("--").replace("-", "_")
            is_empty = bool(sign) and not value.strip()
            place, flag = flag, flag if name in takes and not sign else ""
        else:
            is_empty, place = not argument.strip(), flag or "an argument"
            if flag and not _is_several(takes[flag.removeprefix("--").replace("-", "_")]):
                flag = ""
        name = place.removeprefix("--").replace("-", "_")
        if is_empty and (name not in takes or _is_path(name, takes[name])):
            empty.append(f"{place}: is empty; give a path or leave it out (is a variable unset?)")
    return empty


def as_meant(flags: Flags) -> Flags:
    """The flags with the user's folder for `~` in every path, and composed names of classes."""
    changes = {}
    for name, hint in get_type_hints(type(flags)).items():
        value = getattr(flags, name)
        if dataclasses.is_dataclass(hint):
            changes[name] = as_meant(value)
        elif _is_path(name, hint):
            changes[name] = _expanded(value)
        elif name in NAMING_CLASSES:
            changes[name] = tuple(map(composed, value))
    return dataclasses.replace(flags, **changes)  # pyright: ignore[reportArgumentType]


def _expanded(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_expanded, value))
    return type(value)(os.path.expanduser(value)) if value is not None else None  # noqa: PTH111


def _settings(kind: type) -> Iterator[tuple[str, Any]]:
    """Name and type of every setting, also of those in groups."""
    for name, hint in get_type_hints(kind).items():
        if dataclasses.is_dataclass(hint):
            yield from _settings(hint)  # pyright: ignore[reportArgumentType]
        else:
            yield name, hint


def _is_path(name: str, hint: Any) -> bool:
    return name in PATHS_AS_TEXT or hint is Path or Path in get_args(hint)


def _is_several(hint: Any) -> bool:
    return get_origin(hint) is tuple


def _restore_docstrings(kind: Any) -> None:
    """Gives classes the docstrings of their source, which `python -OO` drops: they are the help."""
    if sys.flags.optimize < 2:
        return
    described: Any
    for described in (kind, *filter(dataclasses.is_dataclass, get_type_hints(kind).values())):
        with contextlib.suppress(OSError):  # where there is no source
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(described))).body
            described.__doc__ = ast.get_docstring(tree)  # pyright: ignore[reportArgumentType]
