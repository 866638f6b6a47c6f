"""Calls the scripts of experiments/ in this process."""

import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "experiments"


def call(script, *arguments):
    """The exit code of a script, by its name without .py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(FOLDER), *sys.path])  # as Python does for a script
        patch.setattr(sys, "argv", [f"{script}.py", *map(str, arguments)])
        main = runpy.run_path(str(FOLDER / f"{script}.py"))["main"]
        try:
            return main()
        except SystemExit as stop:
            return stop.code
