"""The folder of a reproduction: its settings, and the data that it was begun with."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from jaxcovid import config as configuration
from jaxcovid import seal
from jaxcovid.assignment.plan import ReproductionSettings
from jaxcovid.errors import InputError, check, first_line

SETTINGS = "reproduce.json"


def prepared_folder(settings: ReproductionSettings, fingerprints: Mapping[int, str]) -> Path:
    """A new folder with the settings in it, or the one to go on with.

    `fingerprints` are those of the data, by part. Raises InputError if the one to go on with was
    begun with other data.
    """
    from jaxcovid.runs import files  # slow to import, and `stored` does without
    from weights_convert.aside import folder_aside

    by_flag = {f"--part{part}": fingerprint for part, fingerprint in fingerprints.items()}
    if settings.resume is not None:
        known = _record(settings.resume)["fingerprints"]
        check(
            [
                f"`resume`: the data of {flag} are not those of {settings.resume} any more; "
                "restore them, or start anew"
                for flag, fingerprint in by_flag.items()
                if known.get(flag) != fingerprint
            ]
        )
        return settings.resume
    folder = settings.output or Path("runs", f"reproduce-{datetime.now():%Y%m%d-%H%M%S}")
    with folder_aside(folder) as aside:
        record = {"flags": record_of(settings), "fingerprints": by_flag}
        files.write_json(aside / SETTINGS, seal.sealed(record))
    return folder


def record_of(settings: ReproductionSettings) -> dict[str, Any]:
    """The settings that say what to run, of JSON's types."""
    record = configuration.as_json(settings)
    return {name: value for name, value in record.items() if name not in ("output", "resume")}


def stored(settings: ReproductionSettings) -> ReproductionSettings:
    """The settings of the reproduction that `settings.resume` names.

    Raises InputError if there is none, or if anything else is set.
    """
    folder = settings.resume
    assert folder is not None
    alone = dataclasses.replace(settings, resume=None)
    check(
        [
            f"`{field.name}`: leave it out; `resume` has its own settings"
            for field in dataclasses.fields(ReproductionSettings)
            if getattr(alone, field.name) != field.default
        ]
    )
    try:
        settings = configuration.from_json(ReproductionSettings, _record(folder)["flags"])
    except (ValueError, TypeError) as error:
        raise _damaged(folder, error) from None
    return dataclasses.replace(settings, resume=folder)


def _record(folder: Path) -> dict[str, Any]:
    """What was written when it was begun. Raises InputError."""
    try:
        return seal.read_sealed(folder / SETTINGS, {"flags": dict, "fingerprints": {str: str}})
    except OSError as error:
        problem = f"`resume`: {folder} is no reproduction ({SETTINGS}: {error.strerror})"
        raise InputError([problem]) from None
    except ValueError as error:
        raise _damaged(folder, error) from None


def _damaged(folder: Path, error: Exception) -> InputError:
    return InputError([f"`resume`: {folder / SETTINGS} is damaged ({first_line(error)})"])
