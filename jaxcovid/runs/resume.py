"""What a resumed run goes on from, and whether it is still the same run."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from jaxcovid import parallel
from jaxcovid.config import INCIDENTAL, Config, as_json
from jaxcovid.data.dataset import Dataset
from jaxcovid.errors import InputError
from jaxcovid.runs.record import changed_surroundings
from jaxcovid.training import checkpoint
from jaxcovid.training.checkpoint import Checkpoint


class Before(NamedTuple):
    """An interrupted run: its record, its newest whole checkpoint, what ails later ones."""

    record: Mapping[str, Any]
    newest: Checkpoint | None
    damaged: Mapping[int, str]

    @property
    def warnings(self) -> list[str]:
        """What was warned of before, and what is now."""
        if self.newest is None:  # it starts again, and says all again
            return []
        reasons = [
            f"{each}; going on from step {self.newest.step}" for each in self.damaged.values()
        ]
        return [*self.record["warnings"], *reasons, *changed_surroundings(self.record)]


def before(config: Config) -> Before | None:
    """The run that `--resume` names, if it does. Raises InputError."""
    run = config.resume
    if run is None:
        return None
    if (run / "metrics.json").exists():
        raise InputError(
            [
                f"--resume: {run} is finished; to train on from its weights, start a new run with "
                f"--weights {run}"
            ]
        )
    newest, damaged = checkpoint.newest(run)
    if damaged and newest is None:
        raise InputError(
            [
                f"--resume: every checkpoint of {run} is damaged; to start it from the beginning, "
                f"delete its folder {checkpoint.FOLDER}",
                *damaged.values(),
            ]
        )
    step = str(newest.step if newest else None)
    if parallel.agreed(step) != step:
        raise InputError([f"--resume: not all processes can read the same of {run}"])
    if newest is not None:
        return Before(newest.account["settings"], newest, damaged)
    return Before(json.loads((run / "config.json").read_text()), None, damaged)


def differences(config: Config, dataset: Dataset, record: Mapping[str, Any]) -> list[str]:
    """What would make the rest of the run that left this record another run."""
    # What an older record does not know was then as it is by default.
    record = {**as_json(Config()), **record}
    pairs = {
        f"--{name.replace('_', '-')}": (record[name], value)
        for name, value in as_json(config).items()
        if name not in INCIDENTAL
    }
    pairs["classes"] = (record["dataset"]["classes"], list(dataset.classes))
    pairs["content of the data (fingerprint)"] = (record["data_fingerprint"], dataset.fingerprint)
    found = [f"  {name}: {old} then, {new} now" for name, (old, new) in pairs.items() if old != new]
    if not found:
        return []
    advice = "was made with other settings; leave them out, or start a new run:"
    return [f"--resume: {config.resume} {advice}", *found]
