"""What every command does with its arguments: `~`, empty paths, odd characters, no docstrings."""

import subprocess
import sys
from pathlib import Path

import pytest

from jaxcovid.assignment.plan import ReproductionSettings
from jaxcovid.cli.flags import Audit, Evaluate, Predict, Train, parsed_settings
from jaxcovid.cli.parsing import empty_paths, parsed
from tests.cli.commands import call


def test_home_in_every_path_of_training(monkeypatch):
    monkeypatch.setenv("HOME", "/home/x")
    flags = ["--data=~/xrays", "--weights=~/w.pth", "--output=~/r", "--study", "~/s.toml"]
    config, _ = parsed_settings([*flags, "--patients", "~/a.csv", "b~.csv"], "x")
    assert (config.data, config.weights) == ("/home/x/xrays", "/home/x/w.pth")
    assert (config.output, config.study) == (Path("/home/x/r"), Path("/home/x/s.toml"))
    assert config.patients == (Path("/home/x/a.csv"), Path("b~.csv"))
    assert parsed_settings(["--resume=~"], "x")[0].resume == Path("/home/x")
    assert parsed_settings(["--data", "tfds:~x"], "x")[0].data == "tfds:~x"
    assert parsed_settings(["--data", "~nobody-such/x"], "x")[0].data == "~nobody-such/x"


def test_home_in_paths_of_other_commands(monkeypatch):
    monkeypatch.setenv("HOME", "/h")
    predict = parsed(Predict, ["~/run", "~/a.png", "x", "--csv=~/c", "--explain", "~/e"], "x")
    assert predict == Predict(
        Path("/h/run"), (Path("/h/a.png"), Path("x")), Path("/h/c"), Path("/h/e")
    )
    evaluate = parsed(Evaluate, ["~/r", "--data", "~/d", "--output=~/o"], "x")
    assert (evaluate.runs, evaluate.data, evaluate.output) == (
        (Path("/h/r"),),
        (Path("/h/d"),),
        Path("/h/o"),
    )
    assert parsed(Audit, ["~/r", "--data=~/d"], "x").run == Path("/h/r")
    part = parsed(
        ReproductionSettings, ["--part1=~/1", "--part2", "~/2", "--weights-vgg16=~/w"], "x"
    )
    assert (part.part1, part.part2, part.weights_vgg16) == ("/h/1", "/h/2", "/h/w")


def test_accents_in_names_of_classes_are_those_of_folders():
    apart, together = "e\u0301", "\u00e9"  # as macOS and as a keyboard write it
    flags = [f"--merge=x=covid+{apart}", f"--multilabel=a=b+{apart}", "--data", apart]
    config, _ = parsed_settings([*flags, "--loss", "bce"], "x")
    assert config.merge == (f"x=covid+{together}",) and config.multilabel == (f"a=b+{together}",)
    assert config.data == apart  # a path is as the disk has it
    part = parsed(ReproductionSettings, [f"--merge=x={apart}"], "x")
    assert part.merge == (f"x={together}",)


EMPTY = {
    "data": (Train, ["--data", ""], ["--data"]),
    "after a sign": (Train, ["--output="], ["--output"]),
    "blank": (Train, ["--weights", " "], ["--weights"]),
    "underscores": (ReproductionSettings, ["--weights_vgg16", ""], ["--weights_vgg16"]),
    "the second of several": (Train, ["--patients", "a", ""], ["--patients"]),
    "two flags": (Evaluate, ["r", "--data=", "--study", ""], ["--data", "--study"]),
    "a run": (Predict, ["", "x.png"], ["an argument"]),
    "an image after a flag": (Predict, ["r", "--csv", "c", ""], ["an argument"]),
    "an image after a switch": (Audit, ["--skip-unreadable", "", "--data", "d"], ["an argument"]),
    "parts": (ReproductionSettings, ["--part1", "", "--part2=", "--resume="], ["--part1", "--part2", "--resume"]),
    "none": (Train, ["--data", "x", "--output", "y", "--head"], []),
    "what is no path": (Train, ["--trainable", "", "--merge", ""], []),
}  # fmt: skip


@pytest.mark.parametrize("case", EMPTY)
def test_empty_paths_are_named(case):
    kind, arguments, places = EMPTY[case]
    assert [problem.partition(": ")[0] for problem in empty_paths(kind, arguments)] == places


COMMANDS = {
    "train": ["--data", ""],
    "sweep": ["--data=", "--seeds", "2"],
    "predict": ["run", ""],
    "evaluate": ["run", "--data", ""],
    "audit": ["--data", ""],
    "reproduce": ["--part1", ""],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_an_empty_path(command, capsys):
    assert call(command, *COMMANDS[command]) == 2
    printed = capsys.readouterr()
    assert "is empty" in printed.err and not printed.out


def test_what_tyro_says_of_odd_arguments_is_printable(capsys):
    assert call("train", "--n\x1b[31mo\x07", "a\x1bb") == 2
    message = capsys.readouterr().err
    assert message and all(line.isprintable() for line in message.splitlines())


@pytest.mark.parametrize("arguments", [["train", "--help"], ["sweep", "--help"]])
def test_help_is_the_same_without_docstrings(arguments):
    helps = [
        subprocess.run(
            [sys.executable, *flags, "-m", "jaxcovid.cli", *arguments],
            capture_output=True, text=True, check=True,
        ).stdout
        for flags in ([], ["-OO"])
    ]  # fmt: skip
    assert helps[0] == helps[1] and "NOT FOR CLINICAL USE" in helps[1].replace("\n", " ")
