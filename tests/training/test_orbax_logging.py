"""What Orbax prints besides its errors stays off the terminal, and other messages do not."""

import logging
import sys
from types import SimpleNamespace

import pytest

from jaxcovid.training.orbax_logging import no_echoes, quietly

LOGGERS = [logging.getLogger(name) for name in ("absl", "asyncio")]


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    levels = [logger.level for logger in LOGGERS]
    for logger in LOGGERS:  # other tests of this process may have had an error
        logger.setLevel(logging.NOTSET)
    yield
    for logger, level in zip(LOGGERS, levels, strict=True):
        logger.setLevel(level)


def silent():
    return [not logger.isEnabledFor(logging.ERROR) for logger in LOGGERS]


def test_after_all_went_well_messages_are_shown_again():
    hook = sys.unraisablehook
    with no_echoes():
        assert silent() == [True, True]
    assert silent() == [False, False] and sys.unraisablehook is hook


def test_after_an_error_late_echoes_are_not_shown():
    hook = sys.unraisablehook
    with pytest.raises(OSError, match="full"), no_echoes():
        raise OSError("full")
    assert silent() == [True, True] and sys.unraisablehook is not hook


@pytest.mark.parametrize("times", [1, 3])
def test_after_a_damaged_file_late_echoes_are_not_shown_and_other_complaints_are(
    times, monkeypatch
):
    shown = []
    monkeypatch.setattr(sys, "unraisablehook", shown.append)
    for _ in range(times):
        with pytest.raises(ValueError, match="damaged"), quietly():
            raise ValueError("damaged")
    echo, other = (
        SimpleNamespace(exc_value=RuntimeError(text)) for text in ("Event loop is closed", "other")
    )
    sys.unraisablehook(echo)
    sys.unraisablehook(other)
    assert shown == [other]
    assert silent() == [False, False]
