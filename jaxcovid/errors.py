"""How a run ends early: bad input, or an interruption."""

import shlex
from collections.abc import Sequence
from pathlib import Path


class InputError(Exception):
    """Bad input or flags: every problem found, each saying what, where and what to do."""

    def __init__(self, problems: Sequence[str]):
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Interrupted(KeyboardInterrupt):
    """A run was interrupted by the user or the system, and can be resumed."""

    def __init__(self, run: Path):
        super().__init__(
            f"Interrupted. Go on with: python experiments/run.py --resume {shlex.quote(str(run))}"
        )


def first_line(error: BaseException) -> str:
    """What an error says, in short; its kind if it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def check(problems: Sequence[str]) -> None:
    """Raises InputError with all problems, if there are any."""
    if problems:
        raise InputError(problems)
