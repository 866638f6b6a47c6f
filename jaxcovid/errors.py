"""The one exception that stands for bad input."""

from collections.abc import Sequence


class InputError(Exception):
    """Bad input or flags: every problem found, each saying what, where and what to do."""

    def __init__(self, problems: Sequence[str]):
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def check(problems: Sequence[str]) -> None:
    """Raises InputError with all problems, if there are any."""
    if problems:
        raise InputError(problems)
