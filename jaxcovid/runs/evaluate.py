"""Trained networks on images that they were not trained with."""

import functools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxcovid import parallel
from jaxcovid.data import patients, sources
from jaxcovid.data.dataset import Dataset
from jaxcovid.data.disk import Progress
from jaxcovid.data.layout import SPLITS
from jaxcovid.errors import check
from jaxcovid.inference import inference_model
from jaxcovid.inference.grad_cam import compiled_grad_cam
from jaxcovid.inference.inference_model import Exported
from jaxcovid.results import Results, gather
from jaxcovid.runs import record
from jaxcovid.training.evaluation import Bar, Predictions, compiled_eval_step, predict
from jaxcovid.training.label_codes import class_scores
from jaxcovid.training.losses import bce, cross_entropy
from jaxcovid.training.setup import half_of_memory
from weights_convert.cache import cache_folder


def evaluate(network: Exported, dataset: Dataset, settings: Mapping[str, Any], bar: Bar) -> Results:
    """What the network is worth on every split of the data, whose classes are in its order.

    `settings` are the evaluation's own, for the record.
    """
    devices = parallel.devices()
    if network.codes is None:
        step = compiled_eval_step(network.model, cross_entropy(), devices)
    else:
        scores = functools.partial(class_scores, codes=network.codes)
        step = compiled_eval_step(network.model, bce(network.codes), devices, scores)
    variables = parallel.replicate(network.variables, devices)

    def predictions(name: str) -> Predictions:
        split = dataset.splits[name]

        def named(items, **options):
            return bar(items, desc=f"Evaluating {name}", **options)

        return predict(step, variables, split, devices, named, network.codes)

    return gather(
        f"{network.name} ({network.architecture}) on {dataset.name}",
        dataset,
        {name: predictions(name) for name in dataset.splits},
        compiled_grad_cam(network.model, network.variables),
        record.external(network, dataset, settings),
        thresholds=network.thresholds,
        codes=network.codes,
    )


def networks(runs: Sequence[Path]) -> list[Exported]:
    """One network, or several of the same classes. Raises InputError."""
    found = [inference_model.load(run) for run in runs]
    first = found[0]
    check(
        [
            f"{other.name} knows the classes {', '.join(other.classes)}, but {first.name} knows "
            f"{', '.join(first.classes)}: they cannot be compared"
            for other in found[1:]
            if other.classes != first.classes
        ]
    )
    return found


def load_data(
    folder: Path,
    split: str,
    classes: Sequence[str],
    merge: Sequence[str],
    patient_files: Sequence[Path],
    skip_unreadable: bool,
    progress: Progress,
) -> Dataset:
    """That split of a folder, labelled in the order of the classes. Raises InputError.

    Its classes may also be those from which `merge` made them.
    """
    known = patients.read(patient_files) if patient_files else None
    dataset = sources.external(
        folder, split, classes, cache_folder(), merge=merge, skip_unreadable=skip_unreadable,
        memory_budget=half_of_memory(), progress=progress,
    )  # fmt: skip
    assigned = patients.assign(dataset.splits, dataset.classes, known)
    return dataset._replace(
        patients=assigned.groups, warnings=(*dataset.warnings, *assigned.warnings)
    )


def problems(runs: Sequence[Path], split: str, output: Path | None) -> list[str]:
    """What is wrong with the flags by themselves."""
    found = []
    if not 1 <= len(runs) <= 2:
        found.append(f"RUN: {len(runs)} are given; give one, or two to compare")
    if split not in SPLITS:
        found.append(f"--split: {split} is not one of {', '.join(SPLITS)}")
    if output is not None and os.path.lexists(output):
        found.append(f"--output: {output} exists; give a new folder, results are never overwritten")
    return found
