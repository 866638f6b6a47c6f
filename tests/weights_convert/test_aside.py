"""Files and folders appear whole or not at all, and what others left half-written is swept up."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from weights_convert import FormatError, aside
from weights_convert.aside import folder_aside, private_folder, remove_left_over, written_aside


def test_a_failure_leaves_the_file_that_was_there(tmp_path):
    path = tmp_path / "file.pth"
    path.write_bytes(b"before")
    with pytest.raises(ZeroDivisionError), written_aside(path) as stream:
        stream.write(b"after")
        raise ZeroDivisionError
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("make", [written_aside, folder_aside])
def test_an_error_names_what_was_asked_for(make, tmp_path):
    (tmp_path / "no").write_text("a file")
    with pytest.raises(OSError) as error, make(tmp_path / "no" / "file.pth"):
        pass
    assert str(tmp_path / "no") in error.value.filename and ".partial" not in str(error.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
def test_a_full_disk_names_the_file_that_was_asked_for(tmp_path, monkeypatch):
    full = os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr(aside, "new_file", lambda path: (tmp_path / "partial", full))
    with pytest.raises(OSError) as error, written_aside(tmp_path / "file.pth") as stream:
        stream.write(bytes(10))
    assert error.value.filename == str(tmp_path / "file.pth")


def test_other_errors_keep_their_own_names(tmp_path):
    with pytest.raises(OSError) as error, written_aside(tmp_path / "file.pth"):
        (tmp_path / "elsewhere").read_text()
    assert error.value.filename == str(tmp_path / "elsewhere")


def test_a_folder_appears_whole(tmp_path):
    with folder_aside(tmp_path / "more" / "run") as made:
        (made / "a").touch()
        assert not (tmp_path / "more" / "run").exists()
    assert [path.name for path in (tmp_path / "more").iterdir()] == ["run"]
    with pytest.raises(OSError) as error, folder_aside(tmp_path / "more" / "run"):
        pass
    assert error.value.filename == str(tmp_path / "more" / "run")
    assert [path.name for path in (tmp_path / "more").iterdir()] == ["run"]


def test_a_folder_instead_of_a_file_is_told(tmp_path):
    with pytest.raises(FormatError, match="is a folder"), written_aside(tmp_path):
        pass


def test_what_a_link_leads_to_stays(tmp_path):
    (tmp_path / "precious").write_text("before")
    (tmp_path / "file").symlink_to("precious")
    with written_aside(tmp_path / "file") as stream:
        stream.write(b"after")
    assert (tmp_path / "precious").read_text() == "before"
    assert (tmp_path / "file").read_text() == "after" and not (tmp_path / "file").is_symlink()


@pytest.mark.parametrize("make", [written_aside, folder_aside])
def test_a_planted_link_is_not_followed(make, tmp_path, monkeypatch):
    """Even of someone who guesses the name."""
    (tmp_path / "precious").mkdir()
    names = iter([tmp_path / "guessed"])
    (tmp_path / "guessed").symlink_to("precious" if make is folder_aside else "new")
    monkeypatch.setattr(aside, "_partial", lambda _: next(names))
    with pytest.raises(FileExistsError), make(tmp_path / "file"):
        pass
    assert not (tmp_path / "new").exists() and not list((tmp_path / "precious").iterdir())


def test_names_differ_and_are_never_too_long(tmp_path):
    path = tmp_path / ("ä" * 125)
    with written_aside(path), written_aside(path):
        assert len(list(tmp_path.iterdir())) == 2
    assert list(tmp_path.iterdir()) == [path]


WRITER = """
import sys, time
from pathlib import Path
from weights_convert.aside import {make}
with {make}(Path(sys.argv[1])) as made:
    print(flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("make", ["written_aside", "folder_aside"])
def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(make, tmp_path):
    target = tmp_path / "report"
    command = [sys.executable, "-c", WRITER.format(make=make), target]
    killed, living = (subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2))
    for process in (killed, living):
        assert process.stdout is not None and process.stdout.readline()
    killed.kill()
    killed.wait()
    assert len(list(tmp_path.iterdir())) == 2
    with written_aside(tmp_path / "another") as stream:
        stream.write(b"content")
    (partial,) = [path for path in tmp_path.iterdir() if path.name != "another"]
    living.kill()
    living.wait()
    remove_left_over(tmp_path)
    assert not partial.exists()
    for process in (killed, living):
        process.stdout.close()


def left(folder, name="file", machine=None, days=0):
    path = folder / f".{name}.{machine or aside._machine()}-0123456789ab.partial"
    path.write_text("half")
    os.utime(path, (time.time() - days * 24 * 3600,) * 2)
    return path


LEFT = {
    "of a process that is gone": ({}, True),
    "of another machine": ({"machine": "000000", "days": 0.5}, False),
    "of another machine, long ago": ({"machine": "000000", "days": 2}, True),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_is_left_over_goes(case, tmp_path):
    made, goes = LEFT[case]
    path = left(tmp_path, **made)
    remove_left_over(tmp_path)
    assert path.exists() != goes


def test_nothing_else_goes(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    link = left(tmp_path)
    link.unlink()
    link.symlink_to("precious")
    queue = left(tmp_path, "queue")
    queue.unlink()
    os.mkfifo(queue)
    names = (".x.partial", "x.partial", ".x.1234.partial", ".hidden")
    for name in names:
        (tmp_path / name).touch()
    remove_left_over(tmp_path)
    remaining = {path.name for path in tmp_path.iterdir()}
    assert remaining == {"precious", link.name, queue.name, *names}
    assert list((tmp_path / "precious").iterdir())


def test_without_locks_only_age_tells(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", refuse)
    young, old = left(tmp_path), left(tmp_path, "old", days=2)
    with written_aside(tmp_path / "file") as stream:
        stream.write(b"content")
    assert young.exists() and not old.exists() and (tmp_path / "file").read_bytes() == b"content"


def test_a_private_folder_is_nobody_elses_and_one_that_is_there_stays(tmp_path):
    private_folder(tmp_path / "above" / "new")
    assert stat.S_IMODE((tmp_path / "above" / "new").stat().st_mode) == 0o700
    (tmp_path / "shared").mkdir(mode=0o755)
    private_folder(tmp_path / "shared")
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o755
