"""Flags become settings: the same names and defaults, one at a time and over others."""

import dataclasses
from pathlib import Path

import pytest

from jaxcovid.assignment.settings import AssignmentSettings
from jaxcovid.cli.flags import Sweep, parsed_settings
from jaxcovid.config import Config

# Flags, and the settings that they change.
GIVEN = {
    "none": ((), {}),
    "a number": (("--lr", "1e-2"), {"lr": 0.01}),
    "of two words": (("--batch-size", "4"), {"batch_size": 4}),
    "a path": (("--output", "x"), {"output": Path("x")}),
    "several values": (("--head", "64", "32"), {"head": (64, 32)}),
    "no values": (("--head",), {"head": ()}),
    "no values before another": (("--head", "--dropout", "0.5"), {"head": (), "dropout": 0.5}),
    "files": (("--patients", "a", "b"), {"patients": (Path("a"), Path("b"))}),
    "off": (("--no-augment",), {"augment": False}),
    "a choice": (("--model", "vgg16"), {"model": "vgg16"}),
    "what begins with a sign": (("--lr", "-1"), {"lr": -1.0}),
    "the same as the group": (("--data", "x"), {"data": "x"}),
    "underscores": (("--batch_size", "4"), {"batch_size": 4}),
}


@pytest.mark.parametrize("case", GIVEN)
def test_flags_become_settings(case):
    flags, changes = GIVEN[case]
    assert parsed_settings(flags, "x") == (Config(**changes), AssignmentSettings())


def test_flags_of_the_assignment():
    flags = ["--habits", "last_batch_f1", "sigmoid_twice", "--preset", "x", "--as-written"]
    expected = AssignmentSettings(("last_batch_f1", "sigmoid_twice"), True, "x")
    assert parsed_settings(flags, "x") == (Config(), expected)


@pytest.mark.parametrize("case", GIVEN)
def test_flags_stand_out_against_other_settings(case):
    flags, changes = GIVEN[case]
    config = Config(lr=0.5, head=(7,), batch_size=3, augment=True, seed=9, resume=Path("run"))
    assignment = AssignmentSettings(("last_batch_f1",))
    expected = dataclasses.replace(config, **changes), assignment
    assert parsed_settings(flags, "x", (config, assignment)) == expected


def test_what_a_sweep_varies_are_settings_of_a_run():
    varied = {field.name for field in dataclasses.fields(Sweep)} - {"seeds", "metric"}
    assert varied <= {field.name for field in dataclasses.fields(Config)}


REFUSED = {
    "unknown flag": (["--learning-rate", "1"], "--learning-rate"),
    "unknown choice": (["--model", "resnet50"], "--model"),
    "no number": (["--epochs", "x"], "--epochs"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_flag_is_refused(case, capsys):
    flags, message = REFUSED[case]
    with pytest.raises(SystemExit) as stop:
        parsed_settings(flags, "jaxcovid train")
    printed = capsys.readouterr()
    assert stop.value.code == 2 and message in printed.out + printed.err
