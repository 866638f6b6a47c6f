"""What is shown while a command runs, by process 0 alone."""

from collections.abc import Iterable, Iterator
from typing import Any

import jax
from tqdm.auto import tqdm

from weights_convert import progress as shared
from weights_convert.errors import LONGEST
from weights_convert.printable import printable
from weights_convert.terminal import lines_printable


def bar(items: Any = None, **options: Any) -> tqdm:
    """The items with a bar as `weights_convert.progress` has it; `options` are those of tqdm."""
    return shared.bar(items, hidden=jax.process_index() > 0, **options)


def progress(items: Any, description: str, length: int) -> Iterator[Any]:
    """`length` items with a progress bar, as `data.disk.Progress` has it.

    There is no bar for what is done within half a second.
    """
    return iter(bar(items, desc=description, total=length, delay=0.5))


def say(message: str) -> None:
    """Prints a message on the terminal, of several processes only by the first."""
    if jax.process_index() == 0:
        print(lines_printable(message), flush=True)


def warn(warnings: Iterable[str]) -> None:
    """Says each as one line, whatever names it holds."""
    for warning in warnings:
        say(f"Warning: {printable(warning, LONGEST)}")
