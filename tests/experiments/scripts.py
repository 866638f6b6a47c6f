"""Calls the scripts of experiments/ in this process."""

import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "experiments"


def call(script, *arguments):
    """The exit code of a script, by its name without .py."""
    main = runpy.run_path(str(FOLDER / f"{script}.py"))["main"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [f"{script}.py", *map(str, arguments)])
        try:
            return main()
        except SystemExit as stop:
            return stop.code
