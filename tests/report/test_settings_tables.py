"""What config.json holds, in words."""

import functools

import pytest

from jaxcovid.report import settings_tables
from tests.report import example

CLASSES = example.CLASSES


@functools.cache
def data():
    return example.dataset({"train": 6, "validation": 6})


def rows(table):
    """By the first cell, as it is in words."""
    return {
        row[0]["value"] if isinstance(row[0], dict) else row[0]: row[1:] for row in table["rows"]
    }


TITLES = {
    "run": (True, ["Time", "Data", "Settings", "Versions and device"]),
    "evaluation": (
        False,
        ["Data", "Settings", "The run that made runs/one", "Versions and device"],
    ),
}


@pytest.mark.parametrize("case", TITLES)
def test_settings(case):
    with_training, titles = TITLES[case]
    by_title = {
        table["title"]: table
        for table in settings_tables.settings_tables(example.results(data(), with_training))
    }
    assert list(by_title) == titles
    assert rows(by_title["Data"])["train images"] == [f"{CLASSES[0]} 20"]
    assert rows(by_title["Data"])["ignored"] == ["—"]
    assert "warnings" not in rows(by_title["Settings"])
    if with_training:
        assert rows(by_title["Time"]) == {
            "training": ["9.0 s for 3 epoch(s)"],
            "throughput": ["20.0 training images per second"],
        }
        assert rows(by_title["Settings"])["what trains"] == ["head"]


VALUES = {"none": (None, "—"), "empty": ([], "—"), "list": ([1, 2], "1, 2"), "number": (0.5, "0.5"), "off": (False, "no"), "table": ({"a": 1, "b": []}, "a: 1; b: —")}  # fmt: skip


@pytest.mark.parametrize("case", VALUES)
def test_values_of_settings(case):
    value, expected = VALUES[case]
    _, settings, _ = settings_tables.flag_tables({"head": value})
    assert rows(settings) == {"hidden layers of the head": [expected]}


def test_names_keep_what_the_command_line_calls_them():
    _, settings, _ = settings_tables.flag_tables({"lr": 0.1, "epochs": 2, "some_thing": 3})
    names = [row[0] for row in settings["rows"]]
    assert names == [{"value": "learning rate", "interval": "lr"}, "epochs", "some thing"]
