"""Which images of splits are unlike those of training: for runs and for evaluations."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from jaxcovid.audits.blind_floor import trial_of
from jaxcovid.data.dataset import Dataset
from jaxcovid.inference.out_of_place import (
    Familiar,
    familiar_of,
    judged,
    not_judged,
    remarks,
    times_too_far,
)
from jaxcovid.training.evaluation import Predictions
from jaxcovid.training.frozen_prefix import first_stage, stage_in_front
from jaxcovid.training.setup import Task


def familiar_of_run(task: Task, predictions: Mapping[str, Predictions]) -> tuple[Familiar, ...]:
    """What a run's network is to remember of its training images; nothing without features."""
    training, validation = (predictions[name].features for name in ("train", "validation"))
    if training is None or validation is None:
        return ()
    network = task.network
    start = first_stage(network.model, network.labels, network.live_norms)
    before = start if start != network.model.stages[0] else None
    groups = task.dataset.patients.get("validation")
    stage = stage_in_front(network.model, before)
    return (familiar_of(stage, training, validation, groups, task.config.seed),)


def compared(
    familiar: Sequence[Familiar],
    dataset: Dataset,
    predictions: Mapping[str, Predictions],
    used: Collection[str] = (),
) -> tuple[dict[str, Predictions], dict[str, Any]]:
    """Predictions with remarks, and the check of the images on which floors are measured.

    Splits that are `used`, in training or to set the limit, get no remarks; where they are all
    there is, the check says how often validation images are told.
    """
    given, far = {**predictions}, {}
    for name, of_split in predictions.items():
        if name not in used and of_split.features is not None:
            far[name] = times_too_far(familiar, of_split.features)
            spoken = remarks(far[name], len(of_split.probabilities))
            given[name] = of_split._replace(remarks=spoken)
    measured = trial_of(dataset).measured
    paths, groups = dataset.splits[measured].paths, dataset.patients.get(measured)
    if measured in used and familiar:
        return given, not_judged(familiar)
    return given, judged(familiar, far.get(measured), paths, groups)
