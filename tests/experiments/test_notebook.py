"""The notebook runs from top to bottom."""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = [
    pytest.mark.system,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]

NOTEBOOK = Path(__file__).parents[2] / "experiments" / "colab.ipynb"


@pytest.fixture
def execute(tmp_path):
    """Runs it with other settings; gives what it printed and how many pages it showed."""

    def run(**settings):
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")
        (parameters,) = (
            cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])
        )
        for name in settings:
            assert f"{name} = " in parameters.source
        parameters.source += "\n" + "\n".join(
            f"{name} = {value!r}" for name, value in settings.items()
        )
        client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": tmp_path}})
        client.execute()
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
        printed = "".join(output.text for output in outputs if output.output_type == "stream")
        pages = sum("srcdoc=" in output.get("data", {}).get("text/html", "") for output in outputs)
        return printed, pages

    return run


def test_phantoms(execute, tmp_path):
    printed, pages = execute(TRAINABLE="head", EPOCHS=1, LIMIT_TRAIN=12, OUTPUT="run")
    assert "computes on" in printed and "(cpu)" in printed and "WARNING: this" not in printed
    assert "freeze audit" in printed and "weights.pth" in printed
    assert pages == 1
    assert (tmp_path / "run" / "weights.pth").stat().st_size > 40e6


def test_an_uploaded_archive_and_a_silent_fall_back(execute, image_folder, monkeypatch, tmp_path):
    # A machine whose driver answers, and a jax without support for it.
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "nvidia-smi").write_text("#!/bin/sh\necho 'GPU 0: a card'\n")
    (tools / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    shutil.make_archive(str(tmp_path / "xrays"), "zip", image_folder.parent, image_folder.name)
    printed, pages = execute(
        DATA_FROM="folder",
        DATA="xrays.zip",
        WEIGHTS="none",
        TRAINABLE="head",
        EPOCHS=1,
        OUTPUT="run",
    )
    assert "WARNING: this machine has a GPU but jax fell back to the CPU" in printed
    assert "covid" in printed and pages == 1
