"""`jaxcovid reproduce`: runs every experiment of the assignment, or what is left of that."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from jaxcovid.assignment import plan
from jaxcovid.assignment.plan import ReproductionSettings
from jaxcovid.assignment.reproduction_folder import prepared_folder, stored
from jaxcovid.cli.exits import exit_code, how_to_go_on
from jaxcovid.cli.interruption import deferred, end_at_once, raise_when_interrupted
from jaxcovid.cli.parsing import parsed
from jaxcovid.errors import check
from weights_convert.terminal import BROKEN_PIPE, tell


def main(arguments: Sequence[str] | None = None, program: str = "jaxcovid reproduce") -> int:
    """Parses the flags and runs what is left to run; returns the exit code.

    `program` is how a user calls it.
    """
    end_at_once()
    given = sys.argv[1:] if arguments is None else arguments
    settings = parsed(ReproductionSettings, given, program)
    begun: list[Path] = []
    code = exit_code(lambda: _reproduce(settings, begun.append), program)
    if code in (2, BROKEN_PIPE) and begun:
        tell(how_to_go_on(program, begun[0]))
    return code


def _reproduce(settings: ReproductionSettings, begin: Callable[[Path], None]) -> None:
    """Checks all that can be checked, then runs; `begin` is given the folder."""
    if settings.resume is not None:
        settings = stored(settings)
    check(plan.problems(settings))
    # Imported late, so that --help and wrong flags answer at once.
    from jaxcovid.assignment.checks import checked_data
    from jaxcovid.assignment.reproduce import reproduce
    from jaxcovid.cli.kept_programs import keep_programs
    from jaxcovid.runs.progress import say

    keep_programs()
    raise_when_interrupted()
    folder = prepared_folder(settings, checked_data(settings))
    begin(folder)
    reproduce(settings, folder, say, deferred)
