"""Images decoded within a bounded amount of memory, over all threads."""

import contextlib
import threading
from collections.abc import Iterator

from jaxcovid.data.readable import MAX_PIXELS

# Rows are worked on together until they have so many pixels.
STRIP = 2**20


class Share:
    """An amount of something that threads take parts of, and wait for while too little is left."""

    def __init__(self, amount: int):
        self._amount = self._left = amount
        self._returned = threading.Condition()

    @contextlib.contextmanager
    def taken(self, part: int) -> Iterator[None]:
        """While it lasts, so much is taken; what is more than there is takes all.

        A thread must not take a second part while it holds one.
        """
        part = min(part, self._amount)
        with self._returned:
            self._returned.wait_for(lambda: self._left >= part)
            self._left -= part
        try:
            yield
        finally:
            with self._returned:
                self._left += part
                self._returned.notify_all()


# Pixels of all images that are decoded at any moment: many ordinary ones, or one of the largest.
DECODED = Share(MAX_PIXELS)


def strips(height: int, width: int) -> Iterator[tuple[int, int]]:
    """The first row of each strip of an image and the row after its last."""
    rows = max(1, STRIP // width)
    for top in range(0, height, rows):
        yield top, min(top + rows, height)
