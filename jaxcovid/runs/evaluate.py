"""Trained networks on images that they were not trained with."""

import contextlib
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxcovid import parallel
from jaxcovid.audits.blind_floor import trial_of
from jaxcovid.config import USUAL_TABLE, TableSettings
from jaxcovid.data import patients, sources
from jaxcovid.data.dataset import Dataset
from jaxcovid.data.dataset_warnings import with_evaluation_warnings
from jaxcovid.data.disk import Progress
from jaxcovid.data.finding_codes import finding_codes
from jaxcovid.data.preparation import AS_TORCHVISION, Preparation
from jaxcovid.data.split_folders import split_named
from jaxcovid.errors import check
from jaxcovid.inference.grad_cam import compiled_grad_cam
from jaxcovid.inference.inference_model import InferenceModel, load
from jaxcovid.models import Ensemble
from jaxcovid.results import FindingResults, Results
from jaxcovid.runs import record
from jaxcovid.runs.audit import audit_data, with_check
from jaxcovid.runs.familiar import compared
from jaxcovid.runs.gather import gather_results
from jaxcovid.runs.gather_findings import gather_findings
from jaxcovid.runs.progress import bar, progress
from jaxcovid.training.evaluation import (
    Bar,
    Predictions,
    evaluation_of_images,
    images_of,
    predict_split,
)
from jaxcovid.training.images_together import images_together
from jaxcovid.training.losses import Loss, bce, cross_entropy
from jaxcovid.training.stated_loss import loss_of, loss_of_record
from jaxcovid.training.training_data import half_of_memory
from weights_convert.cache import cache_folder


def evaluate(
    network: InferenceModel,
    data: Path | str | Sequence[Path | str],
    split: str = "test",
    *,
    source: Sequence[str] = (),
    table: TableSettings = USUAL_TABLE,
    patient_files: Sequence[Path] = (),
    skip_unreadable: bool = False,
) -> Results | FindingResults:
    """What a trained network is worth on that split of a folder or table of images.

    The folder has one folder per class; where there are no splits, all images are meant. Several
    folders and tables are joined, each a source of its own, by the names `source` if given. `table`
    says how a table is to be understood, `patient_files` are CSV files with the columns class,
    file, patient. Raises InputError, also at a class that the network does not know. A network that
    tells several findings of each image is evaluated by finding.

    >>> results = jaxcovid.evaluate(jaxcovid.load(run), xrays, "validation")
    >>> results.splits["validation"].metrics["examples"]
    8
    >>> low, high = results.splits["validation"].metrics["intervals"]["accuracy"]
    >>> low < results.splits["validation"].metrics["accuracy"] < high
    True
    """
    paths = [Path(path) for path in ((data,) if isinstance(data, Path | str) else data)]
    split = split_named(split) or split
    dataset = load_evaluation_data(
        paths, split, network.classes, network.merge, patient_files, skip_unreadable, progress,
        source=source, table=table, preparation=network.preparation, findings=network.independent,
    )  # fmt: skip
    settings = {
        "data": one_or_all(paths), "source": source, "split": split, "patients": patient_files,
        **vars(table),
    }  # fmt: skip
    evaluated = evaluate_findings if network.independent else evaluate_model
    return evaluated(network, dataset, settings, bar)


def evaluate_model(
    network: InferenceModel, dataset: Dataset, settings: Mapping[str, Any], bar: Bar
) -> Results:
    """Predicts, measures and explains every split of a dataset whose classes are the network's.

    They must be in the network's order, as `load_evaluation_data` brings them. Thresholds are those
    that the network's run chose, and so is the loss; where that is not known, another stands under
    its own name. `settings` are those of the evaluation, for config.json.
    """
    loss_name, loss = _loss(network)
    predictions, unlike = compared(
        network.familiar, dataset, _predictions(network, dataset, loss, bar)
    )
    of_measured = predictions[trial_of(dataset).measured].probabilities
    return gather_results(
        f"{network.name} ({network.architecture}) on {dataset.name}",
        dataset,
        predictions,
        compiled_grad_cam(network.model, network.variables),
        record.evaluation_record(network, dataset, settings),
        thresholds=network.thresholds,
        codes=network.codes,
        audit=with_check(audit_data(dataset, (), network=of_measured), "out_of_place", unlike),
        loss_name=loss_name,
    )


def evaluate_findings(
    network: InferenceModel, dataset: Dataset, settings: Mapping[str, Any], bar: Bar
) -> FindingResults:
    """The same of a network that tells several findings of each image, which the dataset has."""
    codes = finding_codes(dataset.classes, dataset.findings)
    loss_name, loss = "bce", bce(codes)
    with contextlib.suppress(ValueError):  # of a statement that was changed since
        if network.loss is not None:
            loss_name, loss = "loss", loss_of(network.loss, network.classes, codes)
    predictions, unlike = compared(
        network.familiar, dataset, _predictions(network, dataset, loss, bar)
    )
    return gather_findings(
        f"{network.name} ({network.architecture}) on {dataset.name}",
        dataset,
        predictions,
        compiled_grad_cam(network.model, network.variables),
        record.evaluation_record(network, dataset, settings),
        thresholds=network.thresholds,
        loss_name=loss_name,
        out_of_place=unlike,
    )


def _predictions(
    network: InferenceModel, dataset: Dataset, loss: Loss, bar: Bar
) -> dict[str, Predictions]:
    devices = parallel.devices()
    stage = network.familiar[0].stage if network.familiar else None
    step = evaluation_of_images(network.model, loss, devices, stage=stage)
    variables = parallel.replicate(network.variables, devices)
    return {
        name: predict_split(
            step,
            variables,
            images_of(split),
            np.arange(len(split.labels)),
            devices,
            functools.partial(bar, desc=f"Evaluating {name}"),
            network.codes,
            images_together(network.model, devices),
            independent=network.independent,
            with_features=bool(network.familiar),
        )
        for name, split in dataset.splits.items()
    }


def _loss(network: InferenceModel) -> tuple[str, Loss]:
    """The loss that the network's run trained with, called "loss"; else another by its own name."""
    stated = network.loss
    if stated is None and not any(record.unknown_settings(network.record).values()):
        stated = loss_of_record(network.record, network.classes)
    # The mean of probabilities over classes does not tell what each output would have been.
    is_told = network.codes is not None or not isinstance(network.model, Ensemble)
    with contextlib.suppress(ValueError):  # of a record that was changed since
        if stated is not None and (is_told or stated.get("loss") == "cross_entropy"):
            return "loss", loss_of(stated, network.classes)
    if network.codes is not None:
        return "bce", bce(network.codes)
    return "cross_entropy", cross_entropy()


def load_models(runs: Sequence[Path]) -> list[InferenceModel]:
    """The networks of runs' folders or files of weights, which must know the same classes.

    Raises InputError if one cannot be read or knows other classes.
    """
    networks = [load(run) for run in runs]
    first = networks[0]
    if len(networks) > 1:
        several = dict.fromkeys(network.name for network in networks if network.independent)
        check(
            [
                f"{name} tells several findings of each image; give it alone, as two such networks "
                "are not compared"
                for name in several
            ]
        )
    check(
        [
            f"{other.name} knows the classes {', '.join(other.classes)}, but {first.name} knows "
            f"{', '.join(first.classes)}: they cannot be compared"
            for other in networks[1:]
            if other.classes != first.classes
        ]
    )
    return networks


def one_or_all(paths: Sequence[Path]) -> Path | Sequence[Path]:
    """The data as config.json says them: a name, or a list of several."""
    return paths[0] if len(paths) == 1 else paths


def load_evaluation_data(
    data: Path | Sequence[Path],
    split: str,
    classes: Sequence[str],
    merge: Sequence[str],
    patient_files: Sequence[Path],
    skip_unreadable: bool,
    progress: Progress,
    table: TableSettings = USUAL_TABLE,
    preparation: Preparation = AS_TORCHVISION,
    source: Sequence[str] = (),
    findings: bool = False,
) -> Dataset:
    """A split of folders or tables, with its patients, labelled in the order of `classes`.

    The data's classes may also be those from which `merge` made them. Without `patient_files` or a
    table patients are read from the names of files. Several data are joined; `source` are their
    names. `skip_unreadable` leaves out images that cannot be read; images are prepared as
    `preparation` says. With `findings` an image may have several of `classes`. Raises InputError.
    """
    paths = [data] if isinstance(data, Path) else list(data)
    several = len(paths) > 1 or bool(source)
    if not several:
        check(sources.unfit_for_table(str(paths[0]), bool(patient_files), table))
    known = patients.read_patients(patient_files) if patient_files else None
    dataset = sources.load_evaluation_split(
        paths, split, classes, cache_folder(), source=source, patients=known, merge=merge,
        table=table, skip_unreadable=skip_unreadable, memory_budget=half_of_memory(),
        preparation=preparation, findings=findings, progress=progress,
    )  # fmt: skip
    return with_evaluation_warnings(patients.with_patients(dataset, None if several else known))
