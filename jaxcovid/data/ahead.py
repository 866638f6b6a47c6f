"""Work that threads do a bounded number of items ahead."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def made_ahead(make: Callable[[Item], Made], items: Iterable[Item], most: int) -> Generator[Made]:
    """What is made of each item, in their order; so many at most are begun or wait to be taken.

    Whatever is raised at an item is raised here, in its turn.
    """
    # More than processors wait for each other: small images spend half their time in Python.
    pool = ThreadPoolExecutor(os.cpu_count())
    waiting: deque[Future[Made]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) == most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
