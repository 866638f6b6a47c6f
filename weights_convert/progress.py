"""How far long work is: a bar on a terminal or in a notebook, elsewhere a line now and then."""

import sys
from collections.abc import Callable
from typing import Any

from tqdm.asyncio import tqdm_asyncio
from tqdm.auto import tqdm

# Seconds between two lines of a log.
BETWEEN_LINES = 60


def bar(items: Any = None, hidden: bool = False, **options: Any) -> tqdm:
    """The items with a bar that goes when they are done; `options` are those of tqdm.

    Where standard error is no terminal a line tells how far it is, at most one a minute: redraws
    would fill a log. Nothing is shown of what is `hidden`, or where standard error is closed.
    """
    options = {"leave": False, **options}
    if hidden or sys.stderr is None:
        return tqdm(items, disable=True, **options)
    in_notebook = not issubclass(tqdm_asyncio, tqdm)
    if in_notebook or sys.stderr.isatty():
        return tqdm(items, **options)
    options |= {"mininterval": BETWEEN_LINES, "maxinterval": BETWEEN_LINES, "delay": BETWEEN_LINES}
    return _Lines(items, ascii=True, ncols=100, **options)


class _Lines(tqdm):
    """Writes each state as a line of its own, instead of over the one before."""

    @staticmethod
    def status_printer(file: Any) -> Callable[[str], None]:
        """What shows a state of the bar."""

        def show(state: str) -> None:
            if state.strip():
                file.write(f"{state.strip()}\n")
                file.flush()

        return show

    def clear(self, nolock: bool = False) -> None:
        """Nothing is to be taken away: `tqdm.write` prints below a line."""

    def refresh(self, nolock: bool = False, lock_args: Any = None) -> None:
        """Shows the state when it is time, and not, as `tqdm.write` asks, after every message."""
        if not nolock:
            super().refresh(nolock, lock_args)

    def close(self) -> None:
        """Ends without the return to the line's start that a bar writes."""
        if not self.disable:
            self.disable = True
            self._decr_instances(self)  # pyright: ignore[reportAttributeAccessIssue]
