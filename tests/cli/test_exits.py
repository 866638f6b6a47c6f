"""Exit codes, and messages of the library as a user of flags reads them."""

from pathlib import Path

import pytest

from jaxcovid.cli.exits import exit_code, how_to_go_on, in_flags
from jaxcovid.errors import InputError, Interrupted

MESSAGES = {
    "a setting": ("`epochs`: 0 is not at least 1", "--epochs: 0 is not at least 1"),
    "of two words": ("`batch_size` is", "--batch-size is"),
    "with a value": ("pass `weights=none` for random weights", "pass --weights none for random weights"),
    "with several values": ("needs `loss=bce` or focal", "needs --loss bce or focal"),
    "with a value to be quoted": ("pass `resume=my runs/1`", "pass --resume 'my runs/1'"),
    "with a value that has signs": ("`merge=new=class+class`", "--merge new=class+class"),
    "of the assignment": ("`as_written`: give `preset` too", "--as-written: give --preset too"),
    "of other commands": ("`csv`, `split`, `seeds`, `part1`", "--csv, --split, --seeds, --part1"),
    "of no command": ("`fc.weight` and `x` and `y=1`", "`fc.weight` and `x` and `y=1`"),
    "a flag already": ("lower --lr", "lower --lr"),
    "a single backquote": ("a ` b", "a ` b"),
}  # fmt: skip


@pytest.mark.parametrize("case", MESSAGES)
def test_settings_become_flags(case):
    message, expected = MESSAGES[case]
    assert in_flags(message) == expected


def raising(error):
    def work():
        raise error

    return work


ENDINGS = {
    "done": (lambda: None, 0, ""),
    "a check failed": (lambda: 1, 1, ""),
    "bad input": (raising(InputError(["`lr`: no", "`seed`: no"])), 2, "\n--lr: no\n--seed: no\n"),
    "no disk": (raising(OSError(28, "No space left", "a.csv")), 2, "\na.csv: No space left\n"),
    "a disk without a name": (raising(OSError("gone")), 2, "\ndisk: gone\n"),
    "interrupted": (raising(KeyboardInterrupt()), 130, "\nInterrupted.\n"),
    "interrupted, with more to do": (
        raising(Interrupted(Path("my runs/1"))),
        130,
        "\nInterrupted. Go on with: python experiments/run.py --resume 'my runs/1'\n",
    ),
}


@pytest.mark.parametrize("case", ENDINGS)
def test_every_ending_has_its_code_and_message(case, capsys):
    work, code, message = ENDINGS[case]
    assert exit_code(work, "python experiments/run.py") == code
    assert capsys.readouterr().err == message


def test_other_errors_are_not_hidden():
    with pytest.raises(ZeroDivisionError):
        exit_code(raising(ZeroDivisionError()), "jaxcovid train")


def test_the_advice_can_be_pasted():
    expected = "Go on with: jaxcovid train --resume 'my runs/1'"
    assert how_to_go_on("jaxcovid train", Path("my runs/1")) == expected
