"""`jaxcovid train`: fine-tunes a network and measures the result, or goes on with that."""

import sys
from collections.abc import Sequence

from jaxcovid import config as configuration
from jaxcovid import config_problems
from jaxcovid.assignment import settings as assignment_settings
from jaxcovid.assignment.settings import AssignmentSettings
from jaxcovid.cli.exits import exit_code
from jaxcovid.cli.flags import RunSettings, parsed_settings, settings_over_preset
from jaxcovid.cli.interruption import deferred, end_at_once, raise_when_interrupted
from jaxcovid.config import Config
from jaxcovid.errors import check


def main(arguments: Sequence[str] | None = None, program: str = "jaxcovid train") -> int:
    """Parses the flags and trains; returns the exit code. `program` is how a user calls it."""
    end_at_once()
    given = sys.argv[1:] if arguments is None else arguments
    return exit_code(lambda: _train(given, program), program)


def _train(arguments: Sequence[str], program: str) -> None:
    if "--list-presets" in arguments:
        from jaxcovid.assignment.preset_listing import listing

        print(listing())
        return
    config, assignment = _settings(arguments, program)
    check([*config_problems.problems(config), *assignment_settings.problems(assignment, config)])
    # Imported late, so that --help and wrong flags answer at once.
    from jaxcovid.assignment import mistakes
    from jaxcovid.cli.kept_programs import keep_programs
    from jaxcovid.runs.run import fine_tune

    keep_programs()
    raise_when_interrupted()
    if config.is_ensemble:
        from jaxcovid.sweeps.ensemble import train_ensemble

        check(_unfit_for_several(config, assignment))
        train_ensemble(config, deferred=deferred)
    else:
        fine_tune(config, parts=mistakes.parts(assignment), deferred=deferred)


def _unfit_for_several(config: Config, assignment: AssignmentSettings) -> list[str]:
    """Settings that networks of folds and seeds cannot have."""
    problems = []
    if assignment != AssignmentSettings():
        which = "`folds`" if config.is_folded else "`seeds`"
        problems.append(
            f"{which}: presets and mistakes of the assignment are of one network on its splits "
            "(`reproduce` trains seeds of them); leave them out"
        )
    if config.num_processes is not None or config.coordinator is not None:
        alone = "give each its `fold`" if config.is_folded else "give each its `seed`"
        problems.append(f"`num_processes`: several networks train in one process; {alone} instead")
    if config.patience is not None:
        problems.append("`patience`: all networks train for the same epochs; leave it out")
    if config.study is not None:
        problems.append("`study`: of several networks there is no checklist; leave it out")
    if config.weights_file is not None:
        problems.append("`weights_file`: the networks' weights have one name; leave it out")
    return problems


def _settings(arguments: Sequence[str], program: str) -> RunSettings:
    """The settings that the flags give, over those of the run to go on with or of the preset."""
    run = parsed_settings(arguments, program)[0].resume
    if run is None:
        return settings_over_preset(arguments, program)
    # The run's settings hold those of its preset.
    stored = configuration.stored(run), assignment_settings.stored(run)
    return parsed_settings(arguments, program, stored)
