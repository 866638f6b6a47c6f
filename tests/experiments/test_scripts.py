"""The scripts of a checkout are the installed commands."""

import subprocess
import sys

import pytest

from jaxcovid.cli import main
from tests.experiments.scripts import FOLDER, call

SCRIPTS = {
    "run": "train",
    "predict": "predict",
    "evaluate": "evaluate",
    "audit": "audit",
    "sweep": "sweep",
    "reproduce": "reproduce",
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_hands_its_arguments_to_the_command(script, monkeypatch):
    calls = []

    def command(arguments=None, program=None):
        calls.append((sys.argv[1:] if arguments is None else arguments, program))
        return 7

    monkeypatch.setattr(f"jaxcovid.cli.{SCRIPTS[script]}.main", command)
    assert call(script, "--seed", 3) == 7
    assert calls == [(["--seed", "3"], f"python experiments/{script}.py")]


def test_every_command_has_a_script():
    assert set(SCRIPTS.values()) == set(main.COMMANDS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_of_a_script(script):
    done = subprocess.run(
        [sys.executable, FOLDER / f"{script}.py", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"usage: python experiments/{script}.py " in done.stdout
    assert "CLINICAL" in done.stdout.upper()


def test_bad_flags_have_exit_code_2(capsys):
    assert call("run", "--epochs", 0, "--lr", "nan") == 2
    printed = capsys.readouterr().err
    assert "--epochs: 0" in printed and "--lr: nan" in printed
