import io
import sys

import pytest

from jaxcovid.runs.progress import bar, progress


class Stream(io.StringIO):
    """Standard error that may be a terminal."""

    terminal = True

    def isatty(self):
        return self.terminal


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_is_seen_on_terminals_only(terminal, monkeypatch):
    stream = Stream()
    stream.terminal = terminal
    monkeypatch.setattr(sys, "stderr", stream)
    assert list(bar(range(3), desc="Counting")) == [0, 1, 2]
    assert ("Counting" in stream.getvalue()) == terminal


def test_without_standard_error_there_is_none(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert list(bar(range(3))) == [0, 1, 2]


def test_what_is_done_at_once_has_none(monkeypatch):
    stream = Stream()
    monkeypatch.setattr(sys, "stderr", stream)
    assert list(progress("ab", "Counting", 2)) == ["a", "b"]
    assert "Counting" not in stream.getvalue()
