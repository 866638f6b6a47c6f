"""A bar on a terminal, a line now and then in a log, nothing of short work."""

import io
import sys
import time

from tqdm.auto import tqdm

from weights_convert import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def show(monkeypatch, stream, count, between=60.0, **options):
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "BETWEEN_LINES", between)
    for _ in progress.bar(range(count), desc="Doing", unit="image", mininterval=0, **options):
        time.sleep(0.02)
    return stream.getvalue() if stream is not None else ""


def test_a_log_has_whole_lines_and_few(monkeypatch):
    text = show(monkeypatch, io.StringIO(), 20, between=0.1)
    lines = text.splitlines()
    assert 2 <= len(lines) <= 5 and "\r" not in text and text.endswith("\n")
    assert all(line.startswith("Doing: ") and "image/s" in line for line in lines)


def test_a_log_has_nothing_of_what_is_done_within_a_minute(monkeypatch):
    assert show(monkeypatch, io.StringIO(), 5) == ""


def test_messages_between_redraw_nothing_in_a_log(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    for _ in progress.bar(range(3), desc="Doing", unit="image", mininterval=0):
        tqdm.write("a message", sys.stderr)
    assert sys.stderr.getvalue() == "a message\n" * 3


def test_a_terminal_has_a_bar(monkeypatch):
    assert show(monkeypatch, Terminal(), 5).count("\r") > 3


def test_nothing_is_shown_where_it_is_hidden_or_closed(monkeypatch):
    assert show(monkeypatch, Terminal(), 3, hidden=True) == ""
    assert show(monkeypatch, None, 3) == ""
