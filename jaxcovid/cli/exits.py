"""How every command ends: 0 done, 1 a check failed, 2 bad input with one message, 130 interrupted.

Here messages of the library, which speak of settings, come to speak of flags.
"""

import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from jaxcovid.cli.flags import SETTINGS
from jaxcovid.errors import InputError, Interrupted


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
    except OSError as error:
        code, message = 2, f"{error.filename or 'disk'}: {error.strerror or error}"
    except Interrupted as interruption:
        code, message = 130, f"Interrupted. {how_to_go_on(program, interruption.folder)}"
        together = True
    except KeyboardInterrupt:
        code, message = 130, interrupted
    print(f"\n{message}", file=sys.stderr, flush=True)
    _leave_other_processes(code, together)
    return code


def in_flags(message: str) -> str:
    """The message with flags for the settings in it: `batch_size` is --batch-size.

    A setting with its value, such as `weights=none`, is --weights none. What else is in backquotes
    stays as it is.
    """

    def flag(match: re.Match[str]) -> str:
        name, value = match.groups()
        if name not in SETTINGS:
            return match.group()
        words = [f"--{name.replace('_', '-')}", *([] if value is None else [shlex.quote(value)])]
        return " ".join(words)

    return re.sub(r"`(\w+)(?:=([^`]*))?`", flag, message)


def how_to_go_on(program: str, folder: Path) -> str:
    """The command that goes on with what is in that folder, ready to be pasted."""
    return f"Go on with: {program} --resume {shlex.quote(str(folder))}"


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
    sys.stdout.flush()
    os._exit(code)
