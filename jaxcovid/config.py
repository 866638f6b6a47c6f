"""The settings of one run, by group; imports nothing slow, so that --help answers at once."""

import dataclasses
import json
import math
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from jaxcovid.errors import InputError, first_line
from jaxcovid.json_file import read_json
from weights_convert.names import ARCHITECTURES

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    ModelName = str
else:
    DataclassInstance = Any
    ModelName = Literal[tuple(ARCHITECTURES)]

Settings = TypeVar("Settings", bound=DataclassInstance)

FIRST_ARCHITECTURE = next(iter(ARCHITECTURES))


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """Which images are trained on, and what they are called."""

    data: str | None = None
    """Folder with train/ and validation/ (perhaps test/), one sub-folder per class; or tfds:NAME;
    not given: the built-in phantoms."""
    merge: tuple[str, ...] = ()
    """Classes to join, such as infected=covid-19+pneumonia."""
    patients: tuple[Path, ...] = ()
    """CSV files with the columns class, file, patient: intervals and warnings then take all images
    of a patient together. NIH's file names tell the patient without it."""
    skip_unreadable: bool = False
    """Go on without unreadable images, and record them."""
    limit_train: int | None = None
    """Use only so many training images."""


@dataclasses.dataclass(frozen=True)
class NetworkSettings:
    """The network, where its weights come from, and which of its layers train."""

    model: ModelName = FIRST_ARCHITECTURE
    """Network."""
    trainable: str = "head"
    """What trains: head, last_conv, last_block, all, or comma-separated globs over torchvision's
    names such as 'layer4.*,fc.*'."""
    weights: str = "imagenet"
    """Weights to start from: imagenet (downloaded once), none (random), a .pth or .safetensors file
    with torchvision's names, or the folder of an earlier run."""
    head: tuple[int, ...] = (320,)
    """Widths of the hidden layers of the new head; give none for a single layer."""
    dropout: float = 0.0
    """Dropout rate in the head."""
    batch_norm: Literal["frozen", "batch"] = "frozen"
    """Batch norm of frozen blocks: frozen uses and keeps the running statistics, batch is torch's
    train-mode habit everywhere."""


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """Loss, optimizer, learning rate, augmentation, and how long."""

    epochs: int = 5
    """Passes over the training images."""
    batch_size: int = 8
    """Images per step."""
    lr: float = 1e-3
    """Learning rate."""
    backbone_lr: float | None = None
    """Learning rate of the trainable layers below the head; the same if not given."""
    momentum: float = 0.9
    """Momentum of sgd."""
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    """Optimizer."""
    weight_decay: float = 0.0
    """Weight decay: decoupled in adamw, part of the gradient otherwise."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Learning rate over time."""
    warmup_epochs: float = 0.0
    """Epochs of linear warm-up before that."""
    loss: Literal["cross_entropy", "bce", "focal"] = "cross_entropy"
    """Loss: cross_entropy of one class per image; bce or focal, for each output by itself."""
    focal_gamma: float = 2.0
    """How much less the focal loss weighs what is already right."""
    focal_alpha: tuple[float, ...] = (1.0,)
    """Factor of the focal loss: one, or one for each class."""
    multilabel: tuple[str, ...] = ()
    """Classes that imply others, such as covid-19=covid-19+pneumonia: an image of the first then
    counts as both."""
    class_weights: Literal["none", "balanced"] = "none"
    """Whether rare classes weigh more in the loss."""
    augment: bool = True
    """Random rotation, crop and flip of training images."""
    views: int = 0
    """Augmented views of each image to keep as features of the frozen part, for epochs in turn; 0
    augments afresh every epoch."""
    seed: int = 0
    """Determines everything random."""


@dataclasses.dataclass(frozen=True)
class MeasuringSettings:
    """How the trained network is measured."""

    eval_batch_size: int = 32
    """Images per step of evaluation, at most."""
    study: Path | None = None
    """TOML file with what no run knows of a study, for the reporting checklist."""


@dataclasses.dataclass(frozen=True)
class MachineSettings:
    """Where and in what precision it is computed, and where results go."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Number format of the computation: auto is float32 on CPU, else bfloat16. Parameters stay
    float32."""
    parallel: Literal["shard_map", "pmap"] = "shard_map"
    """How a step is spread over several devices."""
    memory_budget: float | None = None
    """Gigabytes that images of a folder may take in memory; larger sets are read from disk batch by
    batch. Default: half of the machine's memory."""
    checkpoint_every: int | None = None
    """Steps between checkpoints; every epoch has one at its end."""
    output: Path | None = None
    """Folder for the results; must not exist. Default: runs/<model>-<trainable>-<time>."""
    weights_file: str | None = None
    """Another name for weights.pth in the run's folder."""
    resume: Path | None = None
    """Folder of an interrupted run to go on with, exactly, under its own settings."""
    coordinator: str | None = None
    """host:port of process 0 of several, or auto; SLURM, Cloud TPU and Kubernetes are found without
    it."""
    num_processes: int | None = None
    """How many processes share the run."""
    process_id: int | None = None
    """Which of them this is, from 0."""


@dataclasses.dataclass(frozen=True)
class Config(MachineSettings, MeasuringSettings, TrainingSettings, NetworkSettings, DataSettings):
    """All settings of one run. A dataclass takes its fields from the last base on: data first.

    >>> config = jaxcovid.Config(trainable="last_block", lr=1e-4)
    >>> config.lr, config.batch_size
    (0.0001, 8)
    """


# Settings that say where and how to run, not what comes out.
INCIDENTAL = (
    "data", "parallel", "memory_budget", "checkpoint_every", "patients", "output", "weights_file",
    "study", "resume", "coordinator", "num_processes", "process_id",
)  # fmt: skip


def as_json(settings: DataclassInstance) -> dict[str, Any]:
    """Every setting's value by its name, of JSON's types: tuples are lists, paths are text."""
    return json.loads(json.dumps(dataclasses.asdict(settings), default=str))


def stored(run: Path, name: str = "config.json") -> Config:
    """The settings of an earlier run, set to go on with it.

    `run` is its folder, and `name` the file in it that holds the settings. Raises InputError.
    """
    processes = {"coordinator": None, "num_processes": None, "process_id": None}
    settings = read_settings(Config, run, name)
    return dataclasses.replace(settings, output=run, resume=run, **processes)


def read_settings(kind: type[Settings], run: Path, name: str = "config.json") -> Settings:
    """Those settings of an earlier run that `kind` has as fields.

    Fields that the file lacks have their defaults, and what else it holds is left aside. Raises
    InputError if there is no such file, or if it holds other than settings.
    """
    path = run / name
    try:
        return from_json(kind, read_json(path))
    except OSError as error:
        problem = f"`resume`: {run} is not a run's folder ({path.name}: {error.strerror})"
        raise InputError([problem]) from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError([f"`resume`: {path} is damaged ({first_line(error)})"]) from None


def from_json(kind: type[Settings], record: object) -> Settings:
    """Undoes `as_json`; what else the record holds is left aside.

    Raises ValueError or TypeError.
    """
    if not isinstance(record, dict):
        raise TypeError("no JSON object")
    kinds = {name: type_ for name, type_ in get_type_hints(kind).items() if name in record}
    values = {name: _value(record[name], type_) for name, type_ in kinds.items()}
    unfit = [name for name, type_ in kinds.items() if not _fits(values[name], type_)]
    if unfit:
        raise ValueError(f"unfit value of {', '.join(unfit)}")
    return kind(**values)


def _value(value: object, kind: Any) -> object:
    """A value as that type has it, of JSON's: tuples are lists there, paths are text."""
    if get_origin(kind) is tuple and isinstance(value, list):
        return tuple(_value(element, get_args(kind)[0]) for element in value)
    if isinstance(value, str) and Path in (kind, *get_args(kind)):
        return Path(value)
    return value


def _fits(value: object, kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) is tuple:
        element_kind = get_args(kind)[0]
        return isinstance(value, tuple) and all(_fits(element, element_kind) for element in value)
    if kinds := get_args(kind):  # a union
        return any(_fits(value, member) for member in kinds)
    if kind in (int, float) and isinstance(value, bool):
        return False
    return isinstance(value, int | float if kind is float else kind)


def problems(config: Config) -> list[str]:
    """What is wrong with the settings by themselves, each with its name in backquotes."""
    return [
        *_data_problems(config),
        *_network_problems(config),
        *_training_problems(config),
        *_counts(("eval_batch_size", config.eval_batch_size)),
        *_process_problems(config),
        *_output_problems(config),
    ]


def _data_problems(settings: DataSettings) -> Iterable[str]:
    yield from _no_text("data", settings.data)
    if settings.data is not None and not settings.data.strip():
        yield "`data`: is empty; give a folder, or leave it out for the phantoms"
    yield from _counts(("limit_train", settings.limit_train))


def _network_problems(settings: NetworkSettings) -> Iterable[str]:
    parts = settings.trainable.split(",")
    if settings.trainable != "all" and not any(part.strip() for part in parts):
        yield "`trainable`: empty; use head, last_conv, last_block, all or globs"
    yield from _no_text("weights", settings.weights)
    yield from _counts(*(("head", width) for width in settings.head))
    yield from _shares(("dropout", settings.dropout))


def _training_problems(settings: TrainingSettings) -> Iterable[str]:
    yield from _counts(("epochs", settings.epochs), ("batch_size", settings.batch_size))
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
    if settings.views < 0:
        yield f"`views`: {settings.views} is not 0 or above"
    if not 0 <= settings.seed < 2**32:
        yield f"`seed`: {settings.seed} is not a whole number from 0 to 4,294,967,295"


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


def _shares(*values: tuple[str, float]) -> Iterable[str]:
    for name, value in values:
        if not 0 <= value < 1:
            yield f"`{name}`: {value} is not at least 0 and below 1"


def _no_text(name: str, path: str | Path | None) -> Iterable[str]:
    """A name that the disk knows and no file of text can hold."""
    if path is not None and str(path).encode("utf-8", "ignore").decode() != str(path):
        yield f"`{name}`: {str(path)!r} holds characters that are no text; rename it"
