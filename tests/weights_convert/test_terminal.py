"""Standard streams that are closed, cut off, full, or of few characters, as a shell gives them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from weights_convert.terminal import lines_printable

# Prints without end, then more than a pipe holds; says where its next file comes to lie.
PRINTER = """
import os, sys
from weights_convert.terminal import on_standard_streams
def command():
    kind = sys.argv[1]
    if kind == "much":
        for number in range(10**6): print(number)
    if kind == "odd": print("caf\\u00e9 \\u2014 2 \\u00d7 3", chr(0xdcff))
    if kind == "error": raise ZeroDivisionError("a\\x1b[31mb")
    if kind == "place":
        print("heard", file=sys.stderr)
        print("said")
        with open(os.devnull) as stream: return stream.fileno()
    return 0
sys.exit(on_standard_streams(command))
"""

# What a shell does, its exit code, and what there is on standard output and error.
CASES = {
    "a reader that goes away": ("{much} | head -1; exit ${PIPESTATUS[0]}", 141, "0\n", ""),
    "both cut off": ("{much} 2>&1 | head -1; exit ${PIPESTATUS[0]}", 141, "0\n", ""),
    "a full disk": ("{odd} > /dev/full", 2, "", "standard output: No space left on device\n"),
    "a full disk, at the end": ("env -u PYTHONUNBUFFERED {odd} > /dev/full", 2, "", "standard output: No space left on device\n"),
    "no output": ("{place} >&-", 3, "", "heard\n"),
    "no errors": ("{place} 2>&-", 3, "said\n", ""),
    "nothing at all": ("{place} <&- >&- 2>&-", 3, "", ""),
    "ASCII": ("PYTHONIOENCODING=ascii {odd}", 0, "caf\\xe9 - 2 x 3 \\udcff\n", ""),
    "the C locale": ("LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 {odd}", 0, "caf\\xe9 - 2 x 3 \\udcff\n", ""),
    "UTF-8": ("PYTHONIOENCODING=utf-8 {odd}", 0, "caf\N{LATIN SMALL LETTER E WITH ACUTE} \N{EM DASH} 2 \N{MULTIPLICATION SIGN} 3 \\udcff\n", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_streams_as_a_shell_gives_them(case, tmp_path):
    line, code, output, errors = CASES[case]
    (tmp_path / "printer.py").write_text(PRINTER)
    commands = {
        kind: f"'{sys.executable}' {tmp_path}/printer.py {kind}"
        for kind in ("much", "odd", "place")
    }
    for name, command in commands.items():
        line = line.replace(f"{{{name}}}", command)
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    )
    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == (code, output, errors)


def test_tracebacks_steer_no_terminal(tmp_path):
    done = subprocess.run([sys.executable, "-c", PRINTER, "error"], capture_output=True, text=True)
    assert done.returncode == 1 and r"ZeroDivisionError: a\x1b[31mb" in done.stderr
    assert done.stderr.startswith("Traceback") and "\x1b" not in done.stderr


def test_lines_of_a_message_stay_lines():
    assert lines_printable("a\x1bb\n  c\r\n") == "a\\x1bb\n  c\\r\n"
