"""Fine-tune a network on chest X-rays: `python experiments/run.py --help`. Not for clinical use."""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def main() -> int:
    """Parses the flags and runs; returns the exit code."""
    watch_signals()
    # An interruption in the middle of an import can be swallowed there: end at once instead.
    for number in SIGNALS:
        signal.signal(number, _end)
    import presets
    import tyro

    from jaxcovid.config import Config, stored
    from jaxcovid.errors import InputError, Interrupted

    if "--list-presets" in sys.argv[1:]:
        print(presets.listing())
        return 0
    try:
        config = tyro.cli(Config, description=Config.__doc__)
        # Flags that are given stand out against those of the run or the preset, which are the
        # defaults now. A resumed run's own hold those of its preset.
        if config.resume is not None:
            config = tyro.cli(Config, default=stored(config.resume), description=Config.__doc__)
        elif config.preset is not None:
            default = presets.config(config.preset, config.as_written)
            config = tyro.cli(Config, default=default, description=Config.__doc__)
        # Imported late, so that --help and wrong flags answer at once.
        from jaxcovid import experiment

        for number in SIGNALS:
            signal.signal(number, signal.default_int_handler)
        experiment.run(config, deferred)
    except InputError as error:
        return _leave(2, f"\n{error}")
    except OSError as error:
        return _leave(2, f"\n{error.filename or 'disk'}: {error.strerror or error}")
    except Interrupted as interruption:
        import jax

        if jax.process_count() > 1:
            jax.distributed.shutdown()  # all stop here together; who left first would fell the rest
        return _leave(130, f"\n{interruption}")
    except KeyboardInterrupt:
        return _leave(130, "\nInterrupted.")
    return 0


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


def watch_signals() -> None:
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


def _leave(code: int, message: str) -> int:
    print(message, file=sys.stderr, flush=True)
    if "jax" in sys.modules:
        import jax

        if jax.process_count() > 1:
            # An orderly end would wait for processes that may be gone.
            sys.stdout.flush()
            os._exit(code)
    return code


def _end(*_: object) -> None:
    print("\nInterrupted.", file=sys.stderr, flush=True)
    os._exit(130)


if __name__ == "__main__":
    sys.exit(main())
