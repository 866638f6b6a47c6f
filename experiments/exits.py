"""How every script ends: 0 done, 2 bad input with one message, 130 interrupted."""

import sys
from collections.abc import Callable


def exit_code(work: Callable[[], int | None], interrupted: str = "Interrupted.") -> int:
    """Does the work; what ends it early becomes a message, not a traceback."""
    # Imported late, so that --help answers at once.
    from jaxcovid.errors import InputError

    try:
        return work() or 0
    except InputError as error:
        return _told(2, error)
    except OSError as error:
        return _told(2, f"{error.filename or 'disk'}: {error.strerror or error}")
    except KeyboardInterrupt as interruption:
        return _told(130, str(interruption) or interrupted)


def _told(code: int, message: object) -> int:
    print(f"\n{message}", file=sys.stderr, flush=True)
    return code
