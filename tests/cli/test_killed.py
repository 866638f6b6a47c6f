"""SIGKILL at any instant leaves nothing half-written, and the next command sweeps up."""

import json
import time

import pytest
from PIL import Image
from safetensors.numpy import load_file

from jaxcovid.csv_file import read_rows
from tests.forks import Server
from tests.small_network import SMALL
from tests.small_runs import noise_folder

pytestmark = pytest.mark.system

INSTANTS = 10


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    """Runs a command by its arguments, killed after so many seconds; gives exit code and seconds."""
    server = Server(tmp_path_factory.mktemp("said"))

    def run(*arguments, after=None):
        command = server.start(*arguments)
        if after is not None:
            time.sleep(after)
            command.kill()
        command.communicate()
        return command.returncode, time.perf_counter() - command.started

    yield run
    server.close()


def test_predict_killed_at_any_instant(commands, finished, tmp_path):
    images = noise_folder(tmp_path / "xrays", 20, 1) / "train"
    target = tmp_path / "out" / "answers.csv"
    target.parent.mkdir()
    flags = ["predict", finished, images, "--csv", target]
    assert commands(*flags)[0] == 0  # the first compiles
    code, seconds = commands(*flags)
    assert code == 0
    expected = target.read_bytes()
    for instant in range(INSTANTS):
        target.write_text("of before\n")
        commands(*flags, after=seconds * (instant + 0.5) / INSTANTS)
        assert target.read_bytes() in (b"of before\n", expected), instant
    assert commands(*flags)[0] == 0
    assert target.read_bytes() == expected and len(read_rows(target)) == 40
    assert [path.name for path in target.parent.iterdir()] == ["answers.csv"]


def test_sweep_killed_at_any_instant(commands, tmp_path):
    images = noise_folder(tmp_path / "xrays", 6, 4)
    begin = ["sweep", "--data", images, "--model", SMALL, "--weights", "none", "--head", 8]
    begin += ["--epochs", 2, "--batch-size", 5, "--lr", 1e-3, 1e-2, "--output"]
    assert commands(*begin, tmp_path / "compiled")[0] == 0
    code, seconds = commands(*begin, tmp_path / "whole")
    assert code == 0
    folder = tmp_path / "out" / "sweep"
    for instant in range(INSTANTS):
        flags = ["sweep", "--resume", folder] if folder.exists() else [*begin, folder]
        commands(*flags, after=seconds * (instant + 0.5) / INSTANTS)
        assert_whole(folder)
        if (folder / "report.html").exists():
            break
    else:
        assert folder.exists() and commands("sweep", "--resume", folder)[0] == 0
    assert_whole(folder)
    for name in ("members.csv", "settings.csv"):
        assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert [path.name for path in folder.parent.iterdir()] == ["sweep"]
    assert files_of(folder) == files_of(tmp_path / "whole")


def files_of(folder):
    """Their names, without those that Orbax gives."""
    names = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return {name for name in names if "checkpoint" not in name}


def assert_whole(folder):
    """Every file under a final name can be read to its end; a checkpoint is looked at by Orbax."""
    for path in folder.rglob("*"):
        if not path.is_file() or ".partial" in str(path) or "checkpoint" in str(path):
            continue
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".csv":
            read_rows(path)
        elif path.suffix == ".html":
            assert path.read_text().endswith("</html>")
        elif path.suffix == ".png":
            with Image.open(path) as image:
                image.verify()
        elif path.suffix == ".safetensors":
            load_file(path)
