"""Files that were changed after they were written down are told; older runs are taken as they are."""

import os
import re
import shutil
import subprocess

import pytest

from jaxcovid.checksums import NAME, check_checksums, check_tables, write_checksums

NAMES = ("history.csv", "predictions.csv")


@pytest.fixture
def run(tmp_path):
    for name in NAMES:
        (tmp_path / name).write_text(f"epoch\n{name}\n")
    write_checksums(tmp_path, NAMES)
    return tmp_path


def test_what_was_written_passes(run):
    check_checksums(run, NAMES)
    check_tables(run)


def test_sha256sum_reads_it(run):
    if shutil.which("sha256sum") is None:
        pytest.skip("needs sha256sum")
    subprocess.run(["sha256sum", "--check", "--strict", NAME], cwd=run, check=True)


CHANGES = {
    "a table": ("history.csv", b"epoch\n1\n", "history.csv"),
    "another digest": (NAME, b"0  history.csv\n", "history.csv, predictions.csv"),
    "no text": (NAME, b"\xff  x\n", "history.csv, predictions.csv, x"),
    "nothing": (NAME, b"", "history.csv, predictions.csv"),
    "an empty line": (NAME, b"\n", "history.csv, predictions.csv"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_is_told(case, run):
    name, content, told = CHANGES[case]
    (run / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"not what was written: .*{re.escape(told)}"):
        check_checksums(run, NAMES)


def test_a_missing_table_is_told(run):
    (run / "history.csv").unlink()
    with pytest.raises(FileNotFoundError):
        check_tables(run)


@pytest.mark.parametrize("odd", ["a pipe", "an endless file"])
def test_only_ordinary_files_are_read(odd, run):
    path = run / "history.csv"
    path.unlink()
    if odd == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(ValueError, match="no ordinary file"):
        check_tables(run)


def test_of_an_older_run_nothing_is_asked(run):
    (run / NAME).unlink()
    (run / "history.csv").write_text("epoch\n1\n")
    check_tables(run)
