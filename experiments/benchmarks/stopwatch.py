"""How long work takes."""

import time
from collections.abc import Callable


def seconds_of(work: Callable[[], object]) -> Callable[[], float]:
    """The same work as a function that gives the seconds that it took."""

    def timed() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return timed
