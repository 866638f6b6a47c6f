"""Progress bars, on process 0 alone."""

from collections.abc import Iterator
from typing import Any

import jax
from tqdm.auto import tqdm


def bar(items: Any = None, **options: Any) -> tqdm:
    """The items with a bar that goes when they are done."""
    return tqdm(items, leave=False, disable=jax.process_index() > 0, **options)


def progress(items: Any, description: str, length: int) -> Iterator[Any]:
    """The same, as `data.stored.Progress`; without a bar for what is soon done."""
    return iter(bar(items, desc=description, total=length, delay=0.5))
