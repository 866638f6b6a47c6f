"""A finished run and its images, for the commands that take one."""

import json
import shutil

import pytest


@pytest.fixture(scope="module")
def run(finished):
    return finished


@pytest.fixture(scope="module")
def data(run, tmp_path_factory):
    """The run's images, with a labelled test split."""
    folder = tmp_path_factory.mktemp("data") / "xrays"
    shutil.copytree(json.loads((run / "config.json").read_text())["data"], folder)
    shutil.rmtree(folder / "test")
    shutil.copytree(folder / "validation", folder / "test")
    return folder
