"""How every command ends: 0 done, 1 a check failed, 2 bad input with one message, 130 interrupted.

141 where nobody reads what it prints (see `weights_convert.terminal`).

Here messages of the library, which speak of settings, come to speak of flags.
"""

import contextlib
import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from jaxcovid.cli.flags import SETTINGS
from jaxcovid.errors import InputError, Interrupted, first_line
from weights_convert.printable import printable
from weights_convert.terminal import BROKEN_PIPE, is_of_stream, tell


def exit_code(
    work: Callable[[], int | None], program: str, interrupted: str = "Interrupted."
) -> int:
    """Does the work; what ends it early becomes a message, not a traceback.

    The work returns its exit code, or None for 0. `program` is the command as a user calls it, for
    a message on how to go on; `interrupted` is that of work with which one cannot go on.
    """
    together = False
    try:
        return work() or 0
    except InputError as error:
        code, message = 2, in_flags(str(error))
    except BrokenPipeError:  # nobody reads on, so there is nothing to say
        code, message = BROKEN_PIPE, ""
    except OSError as error:
        code, message = 2, f"{_place(error)}: {error.strerror or error}"
    except Interrupted as interruption:
        together = not _unread(interruption)
        code, why = 130, "Interrupted"
        if not together:
            code, why = BROKEN_PIPE, "Standard output was closed"
        message = f"{why}. {how_to_go_on(program, interruption.folder)}"
    except KeyboardInterrupt:
        code, message = 130, interrupted
    except Exception:
        if (problem := no_device()) is None:
            raise
        code, message = 2, problem
    if message:
        tell(f"\n{message}")
    _leave_other_processes(code, together)
    return code


def no_device() -> str | None:
    """What to say if JAX has no device such as the environment asks for; None if it has one.

    To be asked when something failed: that may be in many places, and of many types.
    """
    if "jax" not in sys.modules:
        return None
    import jax

    try:
        jax.devices()
    except RuntimeError as error:
        reason = f" ({printable(first_line(error).partition(' (set JAX_PLATFORMS')[0])})"
    except Exception:  # of JAX's own, such as an assertion
        reason = ""
    else:
        return None
    asked = os.environ.get("JAX_PLATFORMS")
    if not asked:
        return f"JAX finds no device{reason}"
    return (
        f"JAX_PLATFORMS={printable(asked)}: JAX finds no such device here{reason}; "
        "unset JAX_PLATFORMS, or set it to cpu"
    )


def in_flags(message: str) -> str:
    """The message with flags for the settings in it: `batch_size` is --batch-size.

    A setting with its value, such as `weights=none`, is --weights none. What else is in backquotes
    stays as it is.
    """

    def flag(match: re.Match[str]) -> str:
        name, value = match.groups()
        if name not in SETTINGS:
            return match.group()
        words = [f"--{name.replace('_', '-')}", *([] if value is None else [shell_word(value)])]
        return " ".join(words)

    return re.sub(r"`(\w+)(?:=([^`]*))?`", flag, message)


def how_to_go_on(program: str, folder: Path) -> str:
    """The command that goes on with what is in that folder, ready to be pasted."""
    return f"Go on with: {program} --resume {shell_word(str(folder))}"


def shell_word(text: str) -> str:
    r"""The text as one word of bash, all of it printable.

    >>> print(shell_word("my run"), shell_word("two\nlines"))
    'my run' $'two\nlines'
    """
    if text.isprintable():
        return shlex.quote(text)
    escaped = text.replace("\\", r"\\").replace("'", r"\'")
    return "$'" + "".join(map(_escaped, escaped)) + "'"


def _escaped(character: str) -> str:
    if character == "\n":
        return r"\n"
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))


def _unread(interruption: BaseException | None) -> bool:
    """Whether it came of a broken pipe."""
    while interruption is not None and not isinstance(interruption, BrokenPipeError):
        interruption = interruption.__cause__
    return interruption is not None


def _place(error: OSError) -> str:
    """What the user knows of where it happened."""
    if not isinstance(error.filename, str | bytes | os.PathLike):
        return "standard output" if is_of_stream(error) else "disk"
    # Not by the name that it has until it is whole.
    path = re.sub(r"(^|/)\.([^/]+?)\.[\w-]+\.partial(?=/|$)", r"\1\2", os.fsdecode(error.filename))
    return printable(path)


def _leave_other_processes(code: int, together: bool) -> None:
    """Ends this process at once if it is one of several: an orderly end would wait for the others.

    `together` tells that all of them end here.
    """
    if "jax" not in sys.modules:
        return
    import jax

    if not (jax.distributed.is_initialized() and jax.process_count() > 1):
        return
    if together:
        jax.distributed.shutdown()  # who left first would fell the rest
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(code)
