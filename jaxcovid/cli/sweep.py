"""`jaxcovid sweep`: trains many settings and seeds at once, or goes on with that."""

import dataclasses
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jaxcovid.assignment import settings as assignment_settings
from jaxcovid.assignment.settings import AssignmentSettings
from jaxcovid.cli.exits import exit_code
from jaxcovid.cli.flags import Sweep, settings_over_preset
from jaxcovid.cli.interruption import deferred, end_at_once, raise_when_interrupted
from jaxcovid.cli.parsing import read_flags
from jaxcovid.config import Config
from jaxcovid.errors import InputError, check

if TYPE_CHECKING:
    from jaxcovid.sweeps.grid import Grid


def main(arguments: Sequence[str] | None = None, program: str = "jaxcovid sweep") -> int:
    """Parses the flags and trains; returns the exit code. `program` is how a user calls it."""
    end_at_once()
    given = sys.argv[1:] if arguments is None else arguments
    return exit_code(lambda: _sweep(given, program), program)


def _sweep(arguments: Sequence[str], program: str) -> None:
    # What this does not know are flags of a run, which hold for every member.
    varied, others = read_flags(Sweep, arguments, program, return_unknown_args=True)
    config, assignment = settings_over_preset(others, program)
    # Imported late, so that --help and wrong flags answer at once.
    from jaxcovid.assignment import mistakes
    from jaxcovid.cli.kept_programs import keep_programs
    from jaxcovid.sweeps.grid import Grid
    from jaxcovid.sweeps.run import RECORD, stored_sweep, sweep

    keep_programs()
    raise_when_interrupted()
    of_sweep = ("seeds", "metric")
    values = {name: tried for name, tried in vars(varied).items() if name not in of_sweep and tried}
    grid, metric = Grid(values, varied.seeds), varied.metric
    if config.resume is not None:
        folder, alone = config.resume, (Config(resume=config.resume), AssignmentSettings())
        if varied != Sweep() or (config, assignment) != alone:
            raise InputError(["`resume`: goes on with the sweep as it was; give nothing else"])
        config, grid = stored_sweep(folder)
        metric = None  # as it was begun with
        assignment = assignment_settings.stored(folder, RECORD)
    check(_problems(config, assignment, grid))
    sweep(config, grid, metric=metric, parts=mistakes.parts(assignment), deferred=deferred)


def _problems(config: Config, assignment: AssignmentSettings, grid: "Grid") -> list[str]:
    """What is wrong with the settings of any member."""
    from jaxcovid.sweeps.grid import grid_members, grid_problems

    # A sweep keeps features of a frozen part, whatever the flag.
    config = dataclasses.replace(config, views=config.views or config.epochs)
    messages = grid_problems(config, grid)
    for member in grid_members(config, grid):
        messages += assignment_settings.problems(assignment, member)
    return list(dict.fromkeys(messages))
