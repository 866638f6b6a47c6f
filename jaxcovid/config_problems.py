"""What is wrong with the settings of a run by themselves, before anything is loaded."""

import math
import os
import re
from collections.abc import Iterable
from pathlib import Path

from jaxcovid.config import (
    Config,
    DataSettings,
    MachineSettings,
    NetworkSettings,
    TrainingSettings,
)
from jaxcovid.operating_point import unfit_points

MOST_SEEDS = 2**32


def problems(config: Config) -> list[str]:
    """What is wrong with the settings by themselves, each with its name in backquotes."""
    return [
        *_data_problems(config),
        *_network_problems(config),
        *_training_problems(config),
        *_counts(("eval_batch_size", config.eval_batch_size)),
        *unfit_points(config.operating_point, ()),
        *_process_problems(config),
        *_output_problems(config),
    ]


def _data_problems(settings: DataSettings) -> Iterable[str]:
    several = settings.data if isinstance(settings.data, tuple) else (settings.data,)
    for data in several:
        yield from _no_text("data", data)
        if data is not None and not data.strip():
            yield "`data`: is empty; give a folder, or leave it out for the phantoms"
    if not several:
        yield "`data`: is empty; give a folder, or leave it out for the phantoms"
    if settings.split and len(settings.split) not in (2, 3):
        yield (
            f"`split`: {len(settings.split)} share(s); give those of training, validation and "
            "perhaps test images, such as 70 15 15 or 80 20"
        )
    for share in settings.split:
        if not (math.isfinite(share) and share > 0):
            yield f"`split`: {share} is not a number above 0"
    if all(map(math.isfinite, settings.split)) and not math.isfinite(sum(settings.split)):
        yield "`split`: the shares are too large to be added; give parts of 100"
    yield from _fold_problems(settings)
    yield from _seeds(("split_seed", settings.split_seed))
    counted = ("limit_train", "stored_side")
    yield from _counts(*((name, getattr(settings, name)) for name in counted))


def _fold_problems(settings: DataSettings) -> Iterable[str]:
    folds, fold = settings.folds, settings.fold
    yield from _counts(("folds", folds), ("fold", fold))
    if folds == 1:
        yield "`folds`: 1 leaves nothing to train on; give 2 or more, usually 5"
    if fold is not None and folds is None:
        yield "`fold`: say of how many it is one (`folds`)"
    if fold is not None and folds is not None and fold > folds:
        yield f"`fold`: {fold} is not one of {folds} `folds`"
    if folds is not None and len(settings.split) == 3:
        yield (
            "`split`: each fold measures the images that it leaves out; give two shares, those "
            "that train and that choose the epoch, such as 85 15"
        )
    if folds is not None and settings.resplit:
        yield "`resplit`: `folds` draws anew in any case; leave it out"


def _network_problems(settings: NetworkSettings) -> Iterable[str]:
    parts = settings.trainable.split(",")
    if settings.trainable != "all" and not any(part.strip() for part in parts):
        yield "`trainable`: empty; use head, last_conv, last_block, all or globs"
    yield from _no_text("weights", settings.weights)
    yield from _counts(*(("head", width) for width in settings.head))
    yield from _shares(("dropout", settings.dropout))


def _training_problems(settings: TrainingSettings) -> Iterable[str]:
    counted = ("epochs", "batch_size", "patience")
    yield from _counts(*((name, getattr(settings, name)) for name in counted))
    for name, value in (
        ("lr", settings.lr),
        ("backbone_lr", settings.backbone_lr),
        *(("focal_alpha", factor) for factor in settings.focal_alpha),
    ):
        if value is not None and not (math.isfinite(value) and value > 0):
            yield f"`{name}`: {value} is not a number above 0"
    for name in ("weight_decay", "warmup_epochs", "focal_gamma"):
        value = getattr(settings, name)
        if not (math.isfinite(value) and value >= 0):
            yield f"`{name}`: {value} is not 0 or a number above"
    if settings.warmup_epochs > settings.epochs:
        yield (
            f"`warmup_epochs`: {settings.warmup_epochs} is not at most `epochs` ({settings.epochs})"
        )
    yield from _shares(("momentum", settings.momentum))
    if settings.multilabel and settings.loss == "cross_entropy":
        yield "`multilabel`: cross_entropy knows one class per image; give `loss=bce` or focal"
    yield from _augmentation_problems(settings)
    if settings.sampling != "as-is" and settings.class_weights != "none":
        yield (
            f"`sampling`: {settings.sampling} and `class_weights` {settings.class_weights} both "
            "make up for rare classes, which would then count twice; leave one out"
        )
    if settings.views < 0:
        yield f"`views`: {settings.views} is not 0 or above"
    yield from _seeds(("seed", settings.seed))
    yield from _counts(("seeds", settings.seeds))
    if 0 <= settings.seed < MOST_SEEDS < settings.seed + settings.seeds:
        yield f"`seeds`: {settings.seeds} from {settings.seed} on go beyond {MOST_SEEDS - 1:,}"


def _augmentation_problems(settings: TrainingSettings) -> Iterable[str]:
    area = settings.crop_area
    if area and not (len(area) == 2 and 0 < area[0] <= area[1] <= 1):
        yield (
            f"`crop_area`: {' '.join(map(str, area))} is not the least and the largest share, "
            "above 0 and at most 1, such as 0.8 1"
        )
    for name, most in (("rotation", 180), ("mirror", 1), ("contrast", 1)):
        value = getattr(settings, name)
        if value is not None and not 0 <= value <= most:
            yield f"`{name}`: {value} is not from 0 to {most}"
    if not settings.augment and settings.augmentation == "gentle":
        yield "`augmentation`: gentle, though `augment` is off; leave one of them out"
    if not settings.augment or settings.augmentation == "none":
        for name in ("rotation", "crop_area", "mirror", "contrast"):
            if getattr(settings, name) not in (None, ()):
                yield f"`{name}`: training images are not augmented at all; leave it out"


def _process_problems(settings: MachineSettings) -> Iterable[str]:
    count, number, coordinator = (
        settings.num_processes,
        settings.process_id,
        settings.coordinator,
    )
    yield from _counts(("num_processes", count))
    if (count is None) != (number is None):
        yield "`num_processes` and `process_id` belong together; give both"
    elif count is not None and number is not None:
        if not 0 <= number < count:
            yield f"`process_id`: {number} is not from 0 to below `num_processes` ({count})"
        if coordinator is None:
            yield "`num_processes`: give `coordinator` too, process 0's host:port"
    if coordinator not in (None, "auto"):
        port = coordinator.rpartition(":")[2]
        if not (port.isdigit() and 0 < int(port) < 65536):
            yield f"`coordinator`: {coordinator} is not host:port"
        if count is None:
            yield "`coordinator`: give `num_processes` and `process_id` too"


def _output_problems(settings: MachineSettings) -> Iterable[str]:
    yield from _counts(("checkpoint_every", settings.checkpoint_every))
    if settings.memory_budget is not None and not settings.memory_budget >= 0:
        yield f"`memory_budget`: {settings.memory_budget} is not 0 or above"
    yield from _no_text("output", settings.output)
    yield from _no_text("resume", settings.resume)
    if settings.weights_file is not None:
        plain = re.fullmatch(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,99}\.pth", settings.weights_file)
        if plain is None or settings.weights_file.lower() == "weights.pth":
            yield (
                f"`weights_file`: {settings.weights_file!r} is not a plain file name that ends in "
                ".pth, other than weights.pth"
            )
    if settings.resume is not None:
        if settings.output != settings.resume:
            yield "`output`: a resumed run stays in its own folder; leave it out"
    elif settings.output is not None and os.path.lexists(settings.output):
        yield (
            f"`output`: {settings.output} exists; give a new folder, results are never overwritten"
        )


def _counts(*values: tuple[str, int | None]) -> Iterable[str]:
    for name, value in values:
        if value is not None and value < 1:
            yield f"`{name}`: {value} is not a whole number of at least 1"


def _seeds(*values: tuple[str, int | None]) -> Iterable[str]:
    for name, value in values:
        if value is not None and not 0 <= value < MOST_SEEDS:
            yield f"`{name}`: {value} is not a whole number from 0 to {MOST_SEEDS - 1:,}"


def _shares(*values: tuple[str, float]) -> Iterable[str]:
    for name, value in values:
        if not 0 <= value < 1:
            yield f"`{name}`: {value} is not at least 0 and below 1"


def _no_text(name: str, path: str | Path | None) -> Iterable[str]:
    """A name that the disk knows and no file of text can hold."""
    if path is not None and str(path).encode("utf-8", "ignore").decode() != str(path):
        yield f"`{name}`: {str(path)!r} holds characters that are no text; rename it"
