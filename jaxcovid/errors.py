"""How a run ends early: bad input, or an interruption."""

import errno
import os
import re
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


# What the system says of disks, networks, rights and memory, and never of what a file holds.
_PASSING = (
    errno.ESTALE, errno.EIO, errno.EACCES, errno.EPERM, errno.ENOMEM, errno.EMFILE, errno.ENFILE,
    errno.EAGAIN, errno.EINTR, errno.EBUSY, errno.ENXIO, errno.ENODEV, errno.ETIMEDOUT,
    errno.ENOTCONN, errno.ECONNRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETUNREACH,
    errno.ENOLCK, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS,
)  # fmt: skip


def system_reason(error: BaseException | None) -> str | None:
    """What the system says, if a file could not be read or written: nothing of its content.

    None for other errors. Libraries pass on the system's words, but not its number.
    """
    while error is not None:
        if isinstance(error, MemoryError):
            return os.strerror(errno.ENOMEM)
        if isinstance(error, OSError) and error.errno in _PASSING:
            return os.strerror(error.errno)
        if words := re.search("|".join(map(re.escape, map(os.strerror, _PASSING))), str(error)):
            return words[0]
        error = error.__cause__ or error.__context__
    return None


def check(problems: Sequence[str]) -> None:
    """Raises InputError with all problems, if there are any."""
    if problems:
        raise InputError(problems)
