"""How long work takes."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence


def seconds_of(work: Callable[[], object]) -> Callable[[], float]:
    """The same work as a function that gives the seconds that it took."""

    def timed() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return timed


def seconds_of_command(
    command: Sequence[str], until: str = "", environment: Mapping[str, str] | None = None
) -> float:
    """Seconds of a Python script, to its first line that starts with `until`, else to its end."""
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    ) as process:
        assert process.stdout is not None
        seconds = None
        for line in process.stdout:
            if until and seconds is None and line.startswith(until):
                seconds = time.perf_counter() - started
    if process.returncode or (until and seconds is None):
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return time.perf_counter() - started if seconds is None else seconds
