"""How a run ends early: bad input, or an interruption."""

import shlex
from collections.abc import Sequence
from pathlib import Path


class InputError(Exception):
    """Bad input or flags: every problem found, each saying what, where and what to do."""

    def __init__(self, problems: Sequence[str]):
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class DivergedError(InputError):
    """Training went to infinity, in that epoch."""

    def __init__(self, problem: str, epoch: int):
        super().__init__([problem])
        self.epoch = epoch


class NothingFrozenError(InputError):
    """There is no frozen part whose output could be kept."""


class Interrupted(KeyboardInterrupt):
    """A run was interrupted by the user or the system, and can be resumed."""

    def __init__(self, run: Path, script: str = "run"):
        command = f"python experiments/{script}.py --resume {shlex.quote(str(run))}"
        super().__init__(f"Interrupted. Go on with: {command}")


def first_line(error: BaseException) -> str:
    """What an error says, in short; its kind if it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def check(problems: Sequence[str]) -> None:
    """Raises InputError with all problems, if there are any."""
    if problems:
        raise InputError(problems)
