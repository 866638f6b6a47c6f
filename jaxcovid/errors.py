"""How a run ends early: bad input, or an interruption."""

from collections.abc import Sequence
from pathlib import Path

from weights_convert.errors import LONGEST
from weights_convert.printable import printable


class InputError(Exception):
    """Bad input or settings: every problem of it, each saying what, where and what to do.

    A problem is one line, whatever names it holds: what is not printable is shown as its escape.

    >>> try:
    ...     jaxcovid.fine_tune(jaxcovid.Config(epochs=0, lr=-1.0))
    ... except jaxcovid.InputError as error:
    ...     print(error)
    `epochs`: 0 is not a whole number of at least 1
    `lr`: -1.0 is not a number above 0
    """

    def __init__(self, problems: Sequence[str]):
        self.problems = tuple(printable(problem, LONGEST) for problem in problems)
        super().__init__("\n".join(self.problems))


class DivergedError(InputError):
    """Training went to infinity, in that epoch."""

    def __init__(self, problem: str, epoch: int):
        super().__init__([problem])
        self.epoch = epoch


class NothingFrozenError(InputError):
    """There is no frozen part whose output could be kept."""


class Interrupted(KeyboardInterrupt):
    """A run was interrupted by the user or the system, and can be resumed in that folder.

    Its cause is a BrokenPipeError where nobody reads any more what the run prints.
    """

    def __init__(self, folder: Path):
        super().__init__(f"interrupted; to go on, pass `resume={folder}`")
        self.folder = folder


def first_line(error: BaseException) -> str:
    """What an error says, in short; its kind if it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def check(problems: Sequence[str]) -> None:
    """Raises InputError with all problems, if there are any."""
    if problems:
        raise InputError(problems)
