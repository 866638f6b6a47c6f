"""Large pages of memory, which the C library must be asked for before a process starts."""

import contextlib
import os
import sys
from pathlib import Path

TUNABLE = "glibc.malloc.hugetlb"

# Whether Linux gives large pages always, to those who ask, or never.
GIVEN = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def use_huge_pages(given: Path = GIVEN) -> None:
    """Starts this command anew, with large pages of memory where Linux gives them when asked.

    Every step of training uses hundreds of megabytes anew; on a CPU it takes up to 8 % longer with
    pages of 4 KiB. Nothing happens where Python runs anything else than the script that it was
    started with, such as a notebook, or once JAX is there.
    """
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    script = sys.argv[0]
    started_with_script = script in sys.orig_argv and Path(script).is_file()
    if not started_with_script or "jax" in sys.modules or TUNABLE in tunables:
        return
    with contextlib.suppress(OSError):
        if "[madvise]" in given.read_text():
            os.environ["GLIBC_TUNABLES"] = ":".join(filter(None, [tunables, f"{TUNABLE}=1"]))
            # By its full name, as Python looks for its packages beside that.
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
