"""The images that a run trains with, as its settings name them."""

import contextlib
import os
from pathlib import Path

import jax

from jaxcovid.config import Config, TableSettings
from jaxcovid.data import patients, sources
from jaxcovid.data.dataset import Dataset
from jaxcovid.data.dataset_warnings import with_training_warnings
from jaxcovid.data.disk import Progress
from jaxcovid.data.division import Division
from jaxcovid.data.fewer_images import fewer_places, limit_train
from jaxcovid.data.folds import Fold, dataset_of_fold, folds_of
from jaxcovid.data.merge import merged
from jaxcovid.data.preparation import Preparation
from jaxcovid.errors import check
from jaxcovid.operating_point import unfit_points


def load_training_data(config: Config, cache: Path, progress: Progress) -> Dataset:
    """The images that the setting `data` names, their classes merged, and who is in them.

    Prepared images of a folder are kept below `cache`. Pixels are in memory if they fit in
    `memory_budget`; of several processes each reads only its share of every batch of a folder's
    images, so none holds all in memory. `progress` shows what is being read. Raises InputError
    with everything that is wrong with the images, their classes or their patients. With `folds` it
    is the one that `fold` names, else all that folds are made of.
    """
    known = patients.read_patients(config.patients) if config.patients else None
    budget = memory_budget(config)
    dataset = sources.load_dataset(
        config.data,
        cache,
        source=config.source,
        skip_unreadable=config.skip_unreadable,
        memory_budget=budget if jax.process_count() == 1 else -1,
        stored_side=config.stored_side,
        preparation=Preparation(config.fit, config.intensity),
        division=Division(
            config.split, config.resplit, config.drawing_seed, pooled=config.folds is not None
        ),
        patients=known,
        table=TableSettings(
            config.images, config.columns, config.labels, config.select_rows, config.readers
        ),
        findings=() if config.loss != "cross_entropy" and not config.multilabel else None,
        progress=progress,
    )
    if dataset.findings:
        check(_unfit_for_findings(config))
    if config.folds is None:
        dataset = limit_train(dataset, config.limit_train, config.drawing_seed)
    dataset = merged(patients.with_patients(dataset, known), config.merge)
    check(unfit_points(config.operating_point, dataset.classes))
    if config.data is not None and not dataset.members:
        dataset = dataset._replace(notes=(*dataset.notes, *_of_whom(dataset)))
    if config.fold is not None:
        dataset = dataset_of_fold(dataset, folds_of_settings(dataset, config)[config.fold - 1])
    return with_training_warnings(dataset)


def _of_whom(dataset: Dataset) -> list[str]:
    """What to tell of splits that came with the data, if no patient is known."""
    if any(any(names) for names in dataset.patient_names.values()):
        return []
    return [
        "it is not known which images are of one patient (`patients`): each counts as its own, so "
        "intervals may be too narrow, and if a patient is in several splits, figures are partly "
        "memory"
    ]


def folds_of_settings(pooled: Dataset, config: Config) -> list[Fold]:
    """All folds of a pooled dataset, with as many training images as the settings allow.

    Raises InputError if a class has too few patients.
    """
    assert config.folds is not None
    labels, classes = pooled.splits["train"].labels, len(pooled.classes)
    seed = config.drawing_seed
    folds = folds_of(pooled, config.folds, seed, config.split)
    fewer = [fewer_places(labels[fold.train], classes, config.limit_train, seed) for fold in folds]
    return [
        fold._replace(train=fold.train[places]) for fold, places in zip(folds, fewer, strict=True)
    ]


def _unfit_for_findings(config: Config) -> list[str]:
    """Settings that are about classes of which each image has one."""
    asked = {
        "merge": (bool(config.merge), "name findings by `labels`, NAME=GLOB"),
        "class_weights": (config.class_weights != "none", "use focal_alpha, a number for each"),
        "sampling": (config.sampling != "as-is", "an image is drawn with all its findings"),
        "study": (config.study is not None, "the checklist asks about classes"),
        "operating_point": (bool(config.operating_point), "findings are called at one half"),
        "folds": (config.folds is not None, "folds are drawn by class"),
    }
    return [
        f"`{setting}`: it is about classes, but the images have several findings each; leave it "
        f"out ({instead})"
        for setting, (is_asked, instead) in asked.items()
        if is_asked
    ]


def memory_budget(config: Config) -> float:
    """Bytes that images, or features of them, may take: the setting, else half of the memory."""
    return 1e9 * config.memory_budget if config.memory_budget is not None else half_of_memory()


def half_of_memory() -> float:
    """Half of the bytes of memory that the machine has, or that its container may use."""
    limits = []
    with contextlib.suppress(ValueError, OSError):
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(ValueError, OSError):  # what a container may use
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(limits, default=8e9) / 2
