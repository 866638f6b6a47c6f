"""Keeps off the terminal what Orbax prints besides the errors that it raises."""

import contextlib
import functools
import gc
import io
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """While reading: of damaged files there is a traceback for every array on stderr.

    After an error echoes are not shown until the process ends.
    """
    show = sys.unraisablehook
    sys.unraisablehook = _without_echoes(show)
    with only_critical(), contextlib.redirect_stderr(io.StringIO()):
        yield
    sys.unraisablehook = show


def collect_unfinished() -> None:
    """After a damaged file: tasks that Orbax left unfinished complain when they are collected."""
    with quietly():
        gc.collect()


@contextlib.contextmanager
def no_echoes() -> Iterator[None]:
    """While writing: after an error of the disk, threads print that nobody waits for them."""
    show = sys.unraisablehook
    sys.unraisablehook = _without_echoes(show)
    levels = _only_critical()
    yield
    # Not after an error, since echoes come late: from threads that go on until the process ends.
    sys.unraisablehook = show
    _set(levels)


Hook = Callable[[Any], Any]


def _without_echoes(show: Hook) -> Hook:
    """The hook, but for callbacks that come after the event loop that they were meant for."""
    if isinstance(show, functools.partial) and show.func is _show_unless_echo:
        return show
    return functools.partial(_show_unless_echo, show)


def _show_unless_echo(show: Hook, unraisable: Any) -> None:
    if str(unraisable.exc_value) != "Event loop is closed":
        show(unraisable)


@contextlib.contextmanager
def only_critical() -> Iterator[None]:
    """Silences the loggers of Orbax and of its event loop below that level."""
    levels = _only_critical()
    try:
        yield
    finally:
        _set(levels)


def _only_critical() -> dict[str, int]:
    """Silences the loggers; returns the levels that they had, by name."""
    levels = {name: logging.getLogger(name).level for name in ("absl", "asyncio")}
    _set(dict.fromkeys(levels, logging.CRITICAL))
    return levels


def _set(levels: Mapping[str, int]) -> None:
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
