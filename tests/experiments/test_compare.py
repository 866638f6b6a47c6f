"""The comparison with PyTorch runs, and writes what scripts rely on."""

import importlib.util
import json
import runpy
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "experiments" / "benchmarks"
KEYS = {
    "row", "ours_seconds", "torch_seconds", "ratio", "ratio_low", "ratio_high",
    "ours_mb", "torch_mb",
}  # fmt: skip


@pytest.fixture
def compare(monkeypatch):
    """Calls the script with little work in its rows; gives its exit code."""
    script = runpy.run_path(str(BENCHMARKS / "compare.py"))
    rows = script["main"].__globals__["ROWS"]
    for name, row in rows.items():
        monkeypatch.setitem(rows, name, row._replace(images=16))

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["compare.py", *map(str, arguments)])
        try:
            return script["main"]()
        except SystemExit as stop:
            return stop.code

    return call


# A row with work and one without, and how often each side is to work. What PyTorch compiles, which
# takes a minute, is left to whoever compares.
KINDS = {"work": (["resnet18-head-8"], 1), "without images, twice": (["help"], 2)}


@pytest.mark.parity
@pytest.mark.skipif(not importlib.util.find_spec("torchvision"), reason="needs torchvision")
@pytest.mark.parametrize("kind", KINDS)
def test_it_writes_a_row_for_each_name(kind, compare, tmp_path, capsys):
    path, (names, rounds) = tmp_path / "table.json", KINDS[kind]
    assert compare("--rows", *names, "--rounds", rounds, "--json", path, "--eager") == 0
    rows = json.loads(path.read_text())
    assert [row["row"] for row in rows] == names
    for row in rows:
        assert set(row) == KEYS
        assert all(row[key] > 0 for key in KEYS - {"row"})
        assert row["ratio_low"] <= row["ratio"] <= row["ratio_high"]
    printed = capsys.readouterr().out
    assert all(name in printed for name in names)


def test_an_unknown_row_is_named(compare, capsys):
    assert compare("--rows", "resnet18-tail-8") == 2
    assert "resnet18-tail-8" in capsys.readouterr().err


def test_what_issues_and_scripts_call_rows():
    script = runpy.run_path(str(BENCHMARKS / "compare.py"))
    rows = set(script["ROWS"])
    assert {
        "resnet18-head-8",
        "resnet18-all-8",
        "vgg16-head-8",
        "predict",
        "start",
        "convert",
    } <= rows
    assert set(script["QUICK"]) <= rows
    assert all(set(names) <= rows for names in script["SUITES"].values())
