"""The installed command: what it lists, what it refuses, and that every command is found."""

import resource
import subprocess
import sys

import pytest

from jaxcovid.cli.main import COMMANDS, main
from tests.cli.commands import call

# A flag of each command, or what it takes.
COMMAND = {
    "train": "--trainable",
    "predict": "--explain",
    "evaluate": "--split",
    "audit": "--patients",
    "sweep": "--seeds",
    "reproduce": "--part1",
}


def fastest(*arguments):
    """Seconds of a processor, as other tests run at the same time, and output of `jaxcovid`."""
    seconds = []
    while len(seconds) < 3 and min(seconds, default=1) >= 1:
        before = processor_seconds()
        done = subprocess.run(
            [sys.executable, "-m", "jaxcovid.cli", *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
        seconds.append(processor_seconds() - before)
    return min(seconds), done.stdout


def processor_seconds():
    """What ended children of this process have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_every_command_is_listed_within_a_second():
    seconds, printed = fastest("--help")
    assert seconds < 1
    assert "Not for clinical use" in printed
    for name, about in COMMANDS.items():
        (line,) = (line for line in printed.splitlines() if line.startswith(f"  {name} "))
        assert line.endswith(about)


@pytest.mark.parametrize("command", COMMAND)
def test_help_of_a_command_answers_within_a_second_and_says_what_it_is_not_for(command):
    seconds, printed = fastest(command, "--help")
    assert seconds < 1
    assert f"usage: jaxcovid {command} " in printed
    assert COMMAND[command] in printed and "CLINICAL" in printed.upper()


def test_there_is_help_of_every_command():
    assert set(COMMAND) == set(COMMANDS)


REFUSED = {
    "unknown": (["frobnicate"], "there is no 'frobnicate'\n"),
    "misspelt": (["trian"], "there is no 'trian'; did you mean train?"),
    "none": ([], "COMMAND: none is given"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_command_is_refused(case, capsys):
    arguments, message = REFUSED[case]
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert message in printed.err and "usage: jaxcovid" in printed.err and not printed.out


def test_flags_of_training_are_grouped(capsys):
    assert call("train", "--help") == 0
    printed = capsys.readouterr().out
    groups = ("data", "network", "training", "measuring", "where-it-runs", "assignment")
    places = [printed.index(f" {group} options ") for group in groups]
    flags = ("--merge", "--head", "--lr", "--eval-batch-size", "--resume", "--habits")
    assert places == sorted(places)
    for flag, start, end in zip(flags, places, [*places[1:], None], strict=True):
        assert f"{flag} " in printed[start:end]
