"""Keeps off the terminal what Orbax prints besides the errors that it raises."""

import contextlib
import gc
import io
import logging
import sys
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """While reading: of damaged files there is a traceback for every array on stderr."""
    with only_critical(), contextlib.redirect_stderr(io.StringIO()):
        yield
        gc.collect()  # unfinished tasks complain when they are collected


@contextlib.contextmanager
def no_echoes() -> Iterator[None]:
    """While writing: after an error of the disk, threads print that nobody waits for them."""
    show = sys.unraisablehook

    def show_unless_echo(unraisable: Any) -> None:
        if str(unraisable.exc_value) != "Event loop is closed":
            show(unraisable)

    sys.unraisablehook = show_unless_echo
    with only_critical():
        yield
    sys.unraisablehook = show  # not after an error, since echoes come late


@contextlib.contextmanager
def only_critical() -> Iterator[None]:
    """Silences the loggers of Orbax and of its event loop below that level."""
    loggers = [logging.getLogger(name) for name in ("absl", "asyncio")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
