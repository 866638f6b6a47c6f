"""A command asks for large pages of memory by starting anew, once, and only where it can."""

import subprocess
import sys

import pytest

SCRIPT = """
import os, sys
from pathlib import Path
{first}
from jaxcovid.cli.huge_pages import use_huge_pages
use_huge_pages(Path(sys.argv[1]))
print(os.environ.get("GLIBC_TUNABLES"), sys.argv[2:], sys.flags.utf8_mode)
"""

PAGES = "glibc.malloc.hugetlb=1"
ASKED = "always [madvise] never\n"

CASES = {
    "for those who ask": (ASKED, "", "", PAGES),
    "beside what is asked for": (ASKED, "", "glibc.malloc.check=0", f"glibc.malloc.check=0:{PAGES}"),
    "as the user has it": (ASKED, "", "glibc.malloc.hugetlb=0", "glibc.malloc.hugetlb=0"),
    "always": ("[always] madvise never\n", "", "", ""),
    "never": ("always madvise [never]\n", "", "", ""),
    "on another system": (None, "", "", ""),
    "JAX is there": (ASKED, "import jax", "", ""),
}  # fmt: skip


@pytest.fixture
def started(tmp_path, monkeypatch):
    def run(given, first, before, *python):
        script, pages = tmp_path / "script.py", tmp_path / "enabled"
        script.write_text(SCRIPT.format(first=first))
        if given is not None:
            pages.write_text(given)
        monkeypatch.setenv("GLIBC_TUNABLES", before)
        command = [sys.executable, *(python or ["-X", "utf8", script]), pages, "a b", ""]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    return run


@pytest.mark.parametrize("case", CASES)
def test_large_pages(case, started):
    *how, tunables = CASES[case]
    assert started(*how) == f"{tunables} ['a b', ''] 1\n"


def test_only_a_script_starts_anew(started):
    code = SCRIPT.format(first="")
    assert started(ASKED, "", "", "-X", "utf8", "-c", code) == " ['a b', ''] 1\n"
