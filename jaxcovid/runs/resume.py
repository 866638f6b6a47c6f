"""What a resumed run goes on from, and whether it is still the same run."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from jaxcovid import parallel
from jaxcovid.config import BEFORE, INCIDENTAL, Config, as_json
from jaxcovid.data.dataset import Dataset
from jaxcovid.errors import InputError
from jaxcovid.runs.record import changed_surroundings, read_record, unknown_settings
from jaxcovid.training import checkpoint
from jaxcovid.training.checkpoint import Checkpoint


class InterruptedRun(NamedTuple):
    """A run that is to go on: what config.json or the checkpoint says of it, and where it stands.

    `newest` is its newest whole checkpoint, None if it has none yet; `damaged` says by step what is
    wrong with those after it.
    """

    record: Mapping[str, Any]
    newest: Checkpoint | None
    damaged: Mapping[int, str]

    @property
    def warnings(self) -> list[str]:
        """The run's warnings so far, and those of damaged checkpoints and other surroundings."""
        if self.newest is None:  # it starts again, and says all again
            return []
        reasons = [
            f"{reason}; going on from step {self.newest.step}" for reason in self.damaged.values()
        ]
        return [*self.record["warnings"], *reasons, *changed_surroundings(self.record)]


def interrupted_run(config: Config) -> InterruptedRun | None:
    """The run that the setting `resume` names; None if the setting is not given.

    Raises InputError if that is finished, if all its checkpoints are damaged, or if processes of
    one run see different ones.
    """
    run = config.resume
    if run is None:
        return None
    if (run / "metrics.json").exists():
        raise InputError(
            [
                f"`resume`: {run} is finished; to train on from its weights, start a new run with "
                f"`weights={run}`"
            ]
        )
    newest, damaged = checkpoint.newest(run)
    if damaged and newest is None:
        raise InputError(
            [
                f"`resume`: every checkpoint of {run} is damaged; to start it from the beginning, "
                f"delete its folder {checkpoint.FOLDER}",
                *damaged.values(),
            ]
        )
    step = str(newest.step if newest else None)
    if parallel.agreed(step) != step:
        raise InputError([f"`resume`: not all processes can read the same of {run}"])
    if newest is not None:
        return InterruptedRun(newest.account["settings"], newest, damaged)
    # Without a checkpoint nothing else says what the run was to be.
    return InterruptedRun(read_record(run), None, damaged)


def changed_settings(
    config: Config,
    caller_settings: Mapping[str, Any],
    dataset: Dataset,
    record: Mapping[str, Any],
) -> list[str]:
    """What would make the rest of the run that left `record` another run, a line for each change.

    `caller_settings` are those of `Parts`, `dataset` is what the run would go on with. No lines:
    it is the same run.
    """
    # What an older record does not know was then as it is by default, but for some.
    before = {**as_json(Config()), **BEFORE, **record}
    pairs = {
        f"`{name}`": (before[name], value)
        for name, value in as_json(config).items()
        if name not in INCIDENTAL
    }
    callers = unknown_settings(record)
    for name in dict.fromkeys([*callers, *caller_settings]):
        now = caller_settings.get(name)
        # An older record may lack what is off.
        pairs[f"`{name}`"] = (callers.get(name) or None, now or None)
    pairs["classes"] = (before["dataset"]["classes"], list(dataset.findings or dataset.classes))
    pairs["content of the data (fingerprint)"] = (before["data_fingerprint"], dataset.fingerprint)
    changes = [
        f"  {name}: {old} then, {new} now" for name, (old, new) in pairs.items() if old != new
    ]
    if not changes:
        return []
    advice = "was made with other settings; leave them out, or start a new run:"
    return [f"`resume`: {config.resume} {advice}", *changes]
