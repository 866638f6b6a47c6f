"""What is shown while a command runs, by process 0 alone."""

import sys
from collections.abc import Iterator
from typing import Any

import jax
from tqdm.auto import tqdm


def bar(items: Any = None, **options: Any) -> tqdm:
    """The items with a progress bar that goes when they are done; `options` are those of tqdm.

    There is none where standard error is closed or no terminal: each step would be a line of a log.
    """
    # None leaves it to tqdm to look for a terminal.
    hidden = jax.process_index() > 0 or sys.stderr is None or None
    return tqdm(items, leave=False, disable=hidden, **options)


def progress(items: Any, description: str, length: int) -> Iterator[Any]:
    """`length` items with a progress bar, as `data.disk.Progress` has it.

    There is no bar for what is done within half a second.
    """
    return iter(bar(items, desc=description, total=length, delay=0.5))


def say(message: str) -> None:
    """Prints a message on the terminal, of several processes only by the first."""
    if jax.process_index() == 0:
        print(message, flush=True)
