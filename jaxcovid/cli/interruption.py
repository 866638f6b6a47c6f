"""What an interruption does to a script: a checkpoint at the first signal, then the end."""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def end_at_once() -> None:
    """From now on a signal ends the process, and a second one does so whatever comes later.

    For the time of slow imports: an interruption in the middle of one can be swallowed there.
    """
    _watch_signals()
    for number in SIGNALS:
        signal.signal(number, _end)


def raise_when_interrupted() -> None:
    """From now on a signal raises KeyboardInterrupt."""
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler)


@contextlib.contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """While it lasts, a first signal only makes the function that it gives return True."""
    came = False

    def note(*_: object) -> None:
        nonlocal came
        if not came:
            came = True
            print(
                "\nSaving a checkpoint after this step; interrupt again to end at once",
                file=sys.stderr,
                flush=True,
            )

    before = [signal.signal(number, note) for number in SIGNALS]
    try:
        yield lambda: came
    finally:
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)


def _watch_signals() -> None:
    """Ends the process at the second signal, also while it compiles and Python's handlers wait."""
    here, there = socket.socketpair()
    there.setblocking(False)
    signal.set_wakeup_fd(there.fileno())

    def watch(keep: socket.socket = there) -> None:
        count = 0
        while count < 2:
            count += sum(byte in SIGNALS for byte in here.recv(1))
        os._exit(130)

    threading.Thread(target=watch, daemon=True).start()


def _end(*_: object) -> None:
    print("\nInterrupted.", file=sys.stderr, flush=True)
    os._exit(130)
