"""Exit codes, and messages of the library as a user of flags reads them."""

import itertools
import os
import subprocess
from pathlib import Path

import jax
import pytest

from jaxcovid.cli.exits import exit_code, how_to_go_on, in_flags, shell_word
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


def raising_from(error, *causes):
    for effect, cause in itertools.pairwise([error, *causes]):
        effect.__cause__ = cause
    return raising(error)


ENDINGS = {
    "done": (lambda: None, 0, ""),
    "a check failed": (lambda: 1, 1, ""),
    "bad input": (raising(InputError(["`lr`: no", "`seed`: no"])), 2, "\n--lr: no\n--seed: no\n"),
    "no disk": (raising(OSError(28, "No space left", "a.csv")), 2, "\na.csv: No space left\n"),
    "a file that was not yet whole": (
        raising(OSError(28, "No space left", "x/.r.123.partial/.weights.pth.ab-12.partial")),
        2,
        "\nx/r/weights.pth: No space left\n",
    ),
    "an odd name": (
        raising(OSError(2, "No such", "a\x1b[31m\nb")),
        2,
        "\na\\x1b[31m\\nb: No such\n",
    ),
    "bad input with odd names": (raising(InputError(["a\x1bb\nc: no"])), 2, "\na\\x1bb\\nc: no\n"),
    "nobody reads on": (raising(BrokenPipeError(32, "Broken pipe")), 141, ""),
    "nobody reads on, with more to do": (
        raising_from(Interrupted(Path("r")), Interrupted(Path("r/0")), BrokenPipeError()),
        141,
        "\nStandard output was closed. Go on with: python experiments/run.py --resume r\n",
    ),
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


BACKENDS = {
    "no plugin": ("cuda", AssertionError(), "JAX_PLATFORMS=cuda: JAX finds no such device here; unset"),
    "no driver": (
        "tpu",
        RuntimeError("Unable to initialize backend 'tpu': no libtpu (set JAX_PLATFORMS='' to ...)"),
        "JAX_PLATFORMS=tpu: JAX finds no such device here (Unable to initialize backend 'tpu': no "
        "libtpu); unset JAX_PLATFORMS, or set it to cpu",
    ),
    "not asked for": (None, RuntimeError("no"), "JAX finds no device (no)"),
}  # fmt: skip


@pytest.mark.parametrize("case", BACKENDS)
def test_without_such_a_device_there_is_one_line(case, monkeypatch, capsys):
    asked, error, message = BACKENDS[case]
    monkeypatch.setattr(jax, "devices", raising(error))
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    if asked is not None:
        monkeypatch.setenv("JAX_PLATFORMS", asked)
    assert exit_code(raising(AttributeError("what came of it")), "jaxcovid train") == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"\n{message}") and len(printed.splitlines()) == 2


WORDS = ("plain", "my run", "it's", "a\x1b[31m\nb", "back\\slash\n'", "\u202e", "\udcff\t", "é")


@pytest.mark.parametrize("word", WORDS)
def test_words_of_the_shell_are_printable_and_mean_the_same(word):
    shown = shell_word(word)
    assert shown.isprintable()
    printed = subprocess.run(["bash", "-c", f"printf %s {shown}"], capture_output=True, check=True)
    assert os.fsdecode(printed.stdout) == word


def test_the_advice_can_be_pasted():
    expected = "Go on with: jaxcovid train --resume 'my runs/1'"
    assert how_to_go_on("jaxcovid train", Path("my runs/1")) == expected
