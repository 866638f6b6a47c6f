"""`jaxcovid audit`: how much of a figure on this data is not the disease."""

import dataclasses
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxcovid.cli.exits import exit_code
from jaxcovid.cli.flags import Audit
from jaxcovid.cli.parsing import parsed
from jaxcovid.errors import InputError, check

if TYPE_CHECKING:
    from jaxcovid.config import Config


def main(arguments: Sequence[str] | None = None, program: str = "jaxcovid audit") -> int:
    """Parses the flags and audits; returns the exit code. `program` is how a user calls it."""
    flags = parsed(Audit, sys.argv[1:] if arguments is None else arguments, program)
    return exit_code(lambda: _audit(flags), program, "Interrupted; nothing was written.")


def _audit(flags: Audit) -> int:
    """Makes all checks and writes them; 1 if one failed. Raises InputError."""
    # Imported late, so that --help and wrong flags answer at once.
    from jaxcovid.cli.kept_programs import keep_programs
    from jaxcovid.data.table import images_folder
    from jaxcovid.data.table_file import is_table
    from jaxcovid.inference.inference_model import load
    from jaxcovid.report import text
    from jaxcovid.runs import artifacts, audit
    from jaxcovid.runs.progress import say, warn
    from jaxcovid.sweeps.learning_curve import learning_curve
    from weights_convert.aside import folder_aside

    keep_programs()
    check(_problems(flags))
    network = load(flags.run) if flags.run is not None else None
    dataset = audit.load_audit_data(
        flags.data, network, flags.patients, flags.skip_unreadable, flags.table
    )
    for note in dataset.notes:
        say(note)
    warn([*dataset.warnings, *(network.changes if network else ())])
    curve_of = None
    if flags.learning_curve:
        curve_of = _curve_settings(flags, {} if network is None else network.record)
    images = images_folder(flags.data, flags.table) if is_table(str(flags.data)) else flags.data
    name = f"{flags.data.resolve().name}-{datetime.now():%Y%m%d-%H%M%S}"
    folder = flags.output or Path("audits", name)
    with folder_aside(folder) as aside:
        # First, as something may speak against it.
        curve = None if curve_of is None else learning_curve(curve_of)
        result = audit.audit(dataset, network, images)
        if curve is not None:
            size = {**result.checks["sample_size"], "curve": curve}
            result = audit.with_check(result, "sample_size", size)
        artifacts.write_audit(aside, result, dataset, network)
    say(f"{text.audit_summary(result)}\n{text.results_note(folder)}")
    return 0 if audit.passed(result) else 1


def _curve_settings(flags: Audit, record: Mapping[str, Any]) -> "Config":
    """The settings of the run, on the data that are audited; `record` is its config.json.

    Raises InputError.
    """
    from jaxcovid.config import Config, read_settings
    from jaxcovid.data.table_file import is_table

    if flags.run is None or not (flags.run / "config.json").is_file():
        raise InputError(["`learning_curve`: it trains as a run did; give that run's folder, too"])
    if habits := record.get("habits"):
        raise InputError(
            [f"`learning_curve`: {flags.run} was trained with {', '.join(habits)}, which it is not"]
        )
    table = vars(flags.table)
    settings = read_settings(Config, flags.run)
    if is_table(str(flags.data)):  # how the run understood its table, unless told otherwise
        table = {name: value or getattr(settings, name) for name, value in table.items()}
    return dataclasses.replace(
        settings,
        **table,
        data=str(flags.data),
        source=(),
        folds=flags.folds,
        fold=None,
        split=settings.split if flags.folds is None or len(settings.split) < 3 else (),
        resplit=settings.resplit and flags.folds is None,
        patients=flags.patients,
        skip_unreadable=flags.skip_unreadable,
        output=None,
        resume=None,
        coordinator=None,
        num_processes=None,
        process_id=None,
    )


def _problems(flags: Audit) -> list[str]:
    """What is wrong with the flags by themselves."""
    if flags.output is not None and os.path.lexists(flags.output):
        return [
            f"`output`: {flags.output} exists; give a new folder, results are never overwritten"
        ]
    if flags.folds is not None and not flags.learning_curve:
        return ["`folds`: is about the learning curve; add `learning_curve`, or leave it out"]
    return []
