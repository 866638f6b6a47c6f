"""Compiled programs outlive the command that they were compiled for."""

import contextlib
import hashlib
import os
import platform
import sys
import warnings
from pathlib import Path
from typing import Any

import jax

from weights_convert.cache import cache_folder

# What compiled programs of all runs may take on disk, for each kind of processor.
KEPT_BYTES = 2**30


def keep_programs() -> None:
    """From now on compiled programs are kept in the cache folder: a run alike starts sooner.

    Nothing changes where JAX was told of another folder, or where this one cannot be written to.
    The oldest programs go when all of this kind of processor take more than KEPT_BYTES. Damaged
    ones, such as those of a process that was killed, are made anew.
    """
    if jax.config.values["jax_compilation_cache_dir"] is not None:
        return
    # Programs for CPUs use what this one can do.
    kind = hashlib.sha256(_processor().encode()).hexdigest()[:16]
    folder = cache_folder() / "compiled" / kind
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(folder, os.W_OK):
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_compilation_cache_max_size", KEPT_BYTES)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        _drop_damaged(folder)


def _drop_damaged(folder: Path) -> None:
    """Empties the folder when JAX warns that it cannot read a program in it.

    JAX never writes over what is there, so it would warn at every run, and name no file.
    """
    show = warnings.showwarning

    def show_or_drop(message: Warning | str, *details: Any, **others: Any) -> None:
        if "persistent compilation cache" not in str(message):
            show(message, *details, **others)
            return
        kept = [*folder.glob("*-cache"), *folder.glob("*-atime")]
        if kept:
            print(f"Kept programs in {folder} are damaged; they are made anew", file=sys.stderr)
        for path in kept:
            path.unlink(missing_ok=True)

    warnings.showwarning = show_or_drop


def _processor() -> str:
    """The kind of processor, and on Linux all that it can do."""
    description = [platform.machine(), platform.processor()]
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        description += sorted({line for line in lines if line.startswith(("flags", "Features"))})
    return "\n".join(description)
