"""Checks of data, and of what a network goes by; what takes long is kept in the cache folder."""

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, Int

from jaxcovid.audits import blind_floor, duplicates, labels, leaks
from jaxcovid.audits.network import examine, stage_features
from jaxcovid.audits.sample_size import sample_size
from jaxcovid.audits.subgroups import subgroups
from jaxcovid.audits.views import miniatures_of
from jaxcovid.config import USUAL_TABLE, TableSettings
from jaxcovid.data import patients, sources
from jaxcovid.data.class_names import likeness, unified
from jaxcovid.data.dataset import Dataset
from jaxcovid.data.dataset_warnings import with_evaluation_warnings
from jaxcovid.data.masks import read_masks
from jaxcovid.data.merge import joined, relabelled
from jaxcovid.data.preparation import AS_TORCHVISION
from jaxcovid.data.table_file import is_table
from jaxcovid.errors import check
from jaxcovid.inference.inference_model import InferenceModel
from jaxcovid.inference.network_folders import network_names
from jaxcovid.inference.out_of_place import judged, not_judged, times_too_far
from jaxcovid.models import Ensemble
from jaxcovid.results import Audit
from jaxcovid.runs.kept_arrays import array_file, read_arrays, write_arrays
from jaxcovid.runs.progress import bar, progress
from jaxcovid.training.freeze_audit import digest
from jaxcovid.training.training_data import half_of_memory
from weights_convert.cache import cache_folder

# What every run measures; the others take longer.
IN_EVERY_RUN = ("headers", "border", "thumbnail")
OF_DATA = (*IN_EVERY_RUN, "brightness", "shuffled")

NOT_RUN = "not run: jaxcovid audit --data D RUN"
NO_NETWORK = "no network is given: jaxcovid audit --data D RUN"

# Pairs of images that a page shows side by side.
PICTURES = 12

Arrays = Mapping[str, np.ndarray]


def audit(
    dataset: Dataset, network: InferenceModel | None = None, folder: Path | None = None
) -> Audit:
    """All checks of a dataset, and of a network on it if one is given.

    The classes must be the network's, in its order, as `load_audit_data` brings them. `folder` is
    where the files of a column `mask` lie. Raises InputError.
    """
    if network is None:
        unasked = {
            name: {"passed": None, "reason": NO_NETWORK, "found": []}
            for name in ("labels", "out_of_place", "sample_size")
        }
        audit = audit_data(dataset, OF_DATA, not_run=NO_NETWORK)
        return audit._replace(checks={**audit.checks, **unasked})
    trial = blind_floor.trial_of(dataset)
    columns = dataset.columns.get(trial.measured, {})
    masks = (
        None
        if folder is None
        else read_masks(folder, columns.get("mask", ()), dataset.preparation.fit)
    )
    examined = examine(network, dataset, trial, masks, bar)
    audit = audit_data(dataset, OF_DATA, network=examined.probabilities, features=examined.features)
    features = _features(network, dataset)
    doubts = labels.labels(dataset, features, fitted=_fitted(network))
    of_measured = dataset.splits[trial.measured]
    times = times_too_far(network.familiar, features[trial.measured])
    unlike = judged(network.familiar, times, of_measured.paths, trial.groups)
    own = dataset.fingerprint == network.record.get("data_fingerprint")
    if own and network.familiar and trial.measured != "test":
        unlike = not_judged(network.familiar)
    further = {
        "lungs": examined.lungs,
        "labels": doubts,
        "out_of_place": unlike,
        "sample_size": sample_size(
            of_measured.labels, examined.probabilities, dataset.classes, trial.groups
        ),
    }
    doubted = [_pixels(dataset, row) for row in doubts["found"][:PICTURES]]
    return audit._replace(checks={**audit.checks, **further}, doubted=doubted)


def audit_data(
    dataset: Dataset,
    floors: Sequence[str] = IN_EVERY_RUN,
    *,
    network: Float[np.ndarray, "n class"] | None = None,
    features: Mapping[str, Float[np.ndarray, "_ feature"]] | None = None,
    not_run: str = NOT_RUN,
    folds: Int[np.ndarray, "n"] | None = None,
) -> Audit:
    """The checks that ask no network, with these of the `FLOORS`; `not_run` is said of others.

    `network` is what a network says of the images that floors are measured on: then groups of them
    are checked too; `folds` says which network each image was answered by. `features` are its
    features of images with a blank centre, by split.
    """
    pairs = pairs_of(dataset)
    copies = duplicates.duplicates(dataset, pairs)
    predictions = _floors(dataset, floors) if floors else {}
    if features is not None:
        name = "features_without_centre"
        predictions |= blind_floor.floor_predictions(dataset, [name], features)
    checks: dict[str, dict[str, Any]] = {
        "duplicates": copies,
        "patients": leaks.patients(dataset),
        "blocks": leaks.blocks(dataset),
        "sources": leaks.sources(dataset),
        "blind_floor": blind_floor.blind_floor(dataset, predictions, network, not_run, folds),
    }
    if network is not None:
        trial = blind_floor.trial_of(dataset)
        checks["lungs"] = {"passed": None, "reason": not_run, "found": []}
        checks["subgroups"] = subgroups(
            dataset.splits[trial.measured].labels,
            network,
            dataset.classes,
            trial.groups,
            dataset.columns.get(trial.measured, {}),
        )
    return Audit(checks, [_pictures(dataset, row) for row in copies["found"][:PICTURES]])


def with_check(audit: Audit, name: str, check: Mapping[str, Any]) -> Audit:
    """The audit with one check more."""
    return audit._replace(checks={**audit.checks, name: check})


def load_audit_data(
    data: Path,
    network: InferenceModel | None,
    patient_files: Sequence[Path],
    skip_unreadable: bool,
    table: TableSettings = USUAL_TABLE,
) -> Dataset:
    """All images of a table, or of a folder of splits or classes, with what is known of them.

    With a network its classes, in its order. Raises InputError, also at a class that the network
    does not know.
    """
    if network is not None and network.independent:
        several = f"{network.name} tells several findings of each image; audit the data alone"
        check([several])
    if network is not None and isinstance(network.model, Ensemble):
        one = next(network_names(network.record))
        check([f"{network.name} is several networks; audit one of them, such as {one} in it"])
    check(sources.unfit_for_table(str(data), bool(patient_files), table))
    known = patients.read_patients(patient_files) if patient_files else None
    dataset = sources.load_whole(
        data, cache_folder(), table=table, skip_unreadable=skip_unreadable,
        memory_budget=half_of_memory(), progress=progress,
        preparation=AS_TORCHVISION if network is None else network.preparation,
    )  # fmt: skip
    dataset = patients.with_patients(dataset, known)
    if network is None:
        return with_evaluation_warnings(dataset)
    joined_names = joined(network.merge)
    spelled = unified(dataset.classes, {*network.classes, *joined_names})
    remedy = (
        "say which values are its classes (`labels`)"
        if is_table(str(data))
        else "rename or remove the folder"
    )
    renamed = {name: joined_names.get(one, one) for name, one in spelled.items()}
    check(
        [
            f"{data}: class {name!r} is unknown to {network.name}, which knows "
            f"{', '.join(network.classes)}; {remedy}"
            f"{likeness(name, network.classes)}"
            for name in dataset.classes
            if renamed[name] not in network.classes
        ]
    )
    return with_evaluation_warnings(relabelled(dataset, network.classes, renamed))


def passed(audit: Audit) -> bool:
    """Whether no check failed; those that could not be made do not count."""
    return all(check["passed"] is not False for check in audit.checks.values())


def audit_record(audit: Audit, about: Mapping[str, Any]) -> dict[str, Any]:
    """What audit.json holds: whether all passed, what it is `about`, and every check by name."""
    return {"passed": passed(audit), **about, **audit.checks}


def pairs_of(dataset: Dataset) -> list[duplicates.Pair]:
    """Images that look alike, in whatever splits; kept in the cache folder."""
    kinds = ("copy", "mirrored", "inverted")

    def make() -> Arrays:
        miniatures = [miniatures_of(split) for split in dataset.splits.values()]
        pairs = duplicates.alike(np.concatenate(miniatures))
        return {
            "places": np.array([pair[:2] for pair in pairs], np.int64).reshape(-1, 2),
            "kinds": np.array([kinds.index(pair.kind) for pair in pairs], np.int64),
            "correlations": np.array([pair.correlation for pair in pairs], np.float64),
        }

    arrays = _kept(dataset, "pairs", make)
    return [
        duplicates.Pair(int(one), int(other), kinds[kind], float(value))
        for (one, other), kind, value in zip(
            arrays["places"], arrays["kinds"], arrays["correlations"], strict=True
        )
    ]


def _fitted(network: InferenceModel) -> bool:
    """Whether what images are compared by was trained, not frozen."""
    if not network.familiar:
        return True
    last = network.familiar[0].stage == network.model.stages[-2]
    return last and network.record.get("trainable") != "head"


def _features(network: InferenceModel, dataset: Dataset) -> Arrays:
    """What images are compared by: the stage that says which are familiar, else the head's input.

    Kept in the cache folder.
    """
    stage = network.model.stages[-2]
    if network.familiar:
        stage = network.familiar[0].stage
    leaves = jax.tree.leaves(network.variables)
    of_network = hashlib.sha256(b"".join(digest(np.asarray(leaf)).encode() for leaf in leaves))

    def make() -> Arrays:
        return stage_features(network, dataset, stage, bar)

    return _kept(dataset, f"{stage} of {of_network.hexdigest()}", make)


def _floors(dataset: Dataset, names: Sequence[str]) -> dict[str, Float[np.ndarray, "n class"]]:
    predictions: dict[str, Float[np.ndarray, "n class"]] = {}
    watched = functools.partial(bar, desc="Measuring without lungs", unit="floor", delay=0.5)
    for name in watched(names):
        make = functools.partial(blind_floor.floor_predictions, dataset, [name])
        predictions |= _kept(dataset, name, make)
    return predictions


def _kept(dataset: Dataset, name: str, make: Callable[[], Arrays]) -> Arrays:
    """What `make` gives, or gave for the same images, labels and patients."""
    key = (
        "audit", name, dataset.fingerprint, dataset.classes,
        *((split, of_split.paths, of_split.labels.tobytes())
          for split, of_split in dataset.splits.items()),
        *((split, None if groups is None else groups.tobytes())
          for split, groups in dataset.patients.items()),
    )  # fmt: skip
    path = array_file(cache_folder() / "audits", key)
    arrays = read_arrays(path)
    if arrays is None:
        arrays = make()
        write_arrays(path, arrays)
    return arrays


def _pictures(dataset: Dataset, row: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Both images of a pair as the network sees them."""
    return _pixels(dataset, row["one"]), _pixels(dataset, row["other"])


def _pixels(dataset: Dataset, image: Mapping[str, Any]) -> np.ndarray:
    split = dataset.splits[image["split"]]
    return split.evaluation[np.array([split.paths.index(image["path"])])][0]
