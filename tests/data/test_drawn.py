"""Phantoms are drawn once, and anew where they cannot be read."""

import numpy as np
import pytest

from jaxcovid.data import phantom
from jaxcovid.data.drawn import drawn_phantoms

SMALL = {"validation": 1, "train": 2, "test": 1}


def silent(items, *_):
    return items


@pytest.fixture
def calls(monkeypatch):
    """The splits that are drawn."""
    drawn, draw = [], phantom.draw_split

    def counted(name):
        drawn.append(name)
        return draw(name)

    monkeypatch.setattr(phantom, "SIZES", SMALL)
    monkeypatch.setattr(phantom, "draw_split", counted)
    return drawn


def same(one, other):
    assert list(one) == list(other) == list(SMALL)  # in this order
    np.testing.assert_equal(dict(one), dict(other))


def test_what_is_drawn_is_kept(calls, tmp_path):
    first = drawn_phantoms(tmp_path, silent)
    same(drawn_phantoms(tmp_path, silent), first)
    assert calls == [*SMALL]
    (path,) = (tmp_path / "phantoms").iterdir()
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("change", [{"train": 1}, None], ids=["sizes", "version"])
def test_other_phantoms_are_drawn(change, calls, tmp_path, monkeypatch):
    drawn_phantoms(tmp_path, silent)
    if change is None:
        monkeypatch.setattr(phantom, "VERSION", phantom.VERSION + 1)
    else:
        monkeypatch.setattr(phantom, "SIZES", {**SMALL, **change})
    drawn_phantoms(tmp_path, silent)
    assert len(calls) == 2 * len(SMALL)


@pytest.mark.parametrize("damage", [b"", b"no weights", None], ids=["empty", "other", "a bit"])
def test_damaged_ones_are_drawn_anew(damage, calls, tmp_path):
    first = drawn_phantoms(tmp_path, silent)
    (path,) = (tmp_path / "phantoms").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:] if damage is None else damage)
    same(drawn_phantoms(tmp_path, silent), first)
    assert len(calls) == 2 * len(SMALL) and path.read_bytes() == whole


def test_where_nothing_can_be_written_nothing_is_kept(calls, tmp_path):
    (tmp_path / "cache").write_text("a file")
    for _ in range(2):
        drawn_phantoms(tmp_path / "cache", silent)
    assert len(calls) == 2 * len(SMALL)
