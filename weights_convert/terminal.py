"""Standard output and error as a command may meet them: closed, cut off, full, of few characters.

How a command ends whose reader goes away: with 141, as the shell says of every program that a
broken pipe ends (128 and SIGPIPE's 13). So `| head -1` is silent, and `set -o pipefail` tells that
the output was cut.
"""

import codecs
import contextlib
import errno
import io
import os
import sys
import traceback
from collections.abc import Callable
from types import TracebackType

from weights_convert.errors import LONGEST
from weights_convert.printable import printable

BROKEN_PIPE = 141

# What our own texts hold that is not ASCII, for terminals that know no more.
_PLAIN = {
    "—": "-", "–": "-", "−": "-", "…": "...", "×": "x", "±": "+/-", "≥": ">=", "≤": "<=", "→": "->",
    "·": "*", "’": "'", "“": '"', "”": '"', "─": "-", "━": "-", "│": "|", "\N{NO-BREAK SPACE}": " ",
    "╭": "+", "╮": "+", "╰": "+", "╯": "+", "█": "#",
}  # fmt: skip


def on_standard_streams(command: Callable[[], int]) -> int:
    """Runs a command of this process; returns its exit code, BROKEN_PIPE if nobody reads on.

    Closed streams are opened on nothing, what an encoding lacks is written in ASCII, and no text of
    an unexpected error steers the terminal.
    """
    _open_closed_streams()
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")
    sys.excepthook = _show_error
    try:
        code = command()
    except BrokenPipeError:
        code = BROKEN_PIPE
    except OSError as error:  # of what is printed: a stream has no name
        if not is_of_stream(error):
            raise
        code = _code_of(error)
    except SystemExit as stop:  # help, or flags that are none: what is printed is not yet out
        code = stop.code if isinstance(stop.code, int) else 0
    error = _flush()
    return code if error is None else _code_of(error)


def lines_printable(text: str) -> str:
    """The text with its own lines, and each of them printable."""
    return "\n".join(printable(line, LONGEST) for line in text.split("\n"))


def tell(message: str) -> None:
    """Prints a message on standard error, each of its lines printable, if anyone reads it."""
    with contextlib.suppress(OSError):
        print(lines_printable(message), file=sys.stderr, flush=True)


def is_of_stream(error: OSError) -> bool:
    """Whether it is of writing to standard output: errors of files have names."""
    return error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _flush() -> OSError | None:
    """Empties both streams; the first of what goes wrong, after which the stream swallows all."""
    problem = None
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError as error:
            problem = problem or error
            with contextlib.suppress(OSError), open(os.devnull, "wb") as nothing:  # noqa: PTH123
                os.dup2(nothing.fileno(), stream.fileno())
    return problem


def _code_of(error: OSError) -> int:
    if isinstance(error, BrokenPipeError):
        return BROKEN_PIPE
    tell(f"standard output: {error.strerror}")
    return 2


def _open_closed_streams() -> None:
    """Else the next file would take the place, and receive what a library prints there."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
            if getattr(sys, name) is None:
                stream = os.fdopen(number, "w" if number else "r", closefd=False)
                setattr(sys, name, stream)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    refused = error.object[error.start : error.end]
    text = "".join(
        _PLAIN.get(character) or character.encode("ascii", "backslashreplace").decode()
        for character in refused
    )
    return text, error.end


def _show_error(
    kind: type[BaseException], error: BaseException, place: TracebackType | None
) -> None:
    tell("".join(traceback.format_exception(kind, error, place)).rstrip("\n"))
