"""The settings of one run; imports nothing slow, so that --help answers at once."""

import dataclasses
import json
import math
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import tyro

from jaxcovid.errors import InputError


@dataclasses.dataclass(frozen=True)
class Config:
    """Fine-tune VGG16 or ResNet18 on chest X-rays and measure the result.

    Without --data it trains on built-in drawn phantoms. NOT FOR CLINICAL USE.
    """

    model: Literal["resnet18", "vgg16"] = "resnet18"
    """Network."""
    trainable: str = "head"
    """What trains: head, last_conv, last_block, all, or comma-separated globs over torchvision's
    names such as 'layer4.*,fc.*'."""
    data: str | None = None
    """Folder with train/ and validation/ (perhaps test/), one sub-folder per class; or tfds:NAME;
    not given: the built-in phantoms."""
    weights: str = "imagenet"
    """Weights to start from: imagenet (downloaded once), none (random), a .pth or .safetensors file
    with torchvision's names, or the folder of an earlier run."""
    head: tuple[int, ...] = (320,)
    """Widths of the hidden layers of the new head; give none for a single layer."""
    dropout: float = 0.0
    """Dropout rate in the head."""
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
    merge: tuple[str, ...] = ()
    """Classes to join, such as infected=covid-19+pneumonia."""
    class_weights: Literal["none", "balanced"] = "none"
    """Whether rare classes weigh more in the loss."""
    batch_norm: Literal["frozen", "batch"] = "frozen"
    """Batch norm of frozen blocks: frozen uses and keeps the running statistics, batch is torch's
    train-mode habit everywhere."""
    augment: bool = True
    """Random rotation, crop and flip of training images."""
    views: int = 0
    """Augmented views of each image to keep as features of the frozen part, for epochs in turn; 0
    augments afresh every epoch."""
    eval_batch_size: int = 32
    """Images per step of evaluation; figures depend on it with --habits only."""
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        tyro.conf.arg(help_behavior_hint="(auto: float32 on CPU, else bfloat16)"),
    ] = "auto"
    """Number format of the computation; parameters stay float32."""
    seed: int = 0
    """Determines everything random."""
    limit_train: int | None = None
    """Use only so many training images."""
    skip_unreadable: bool = False
    """Go on without unreadable images, and record them."""
    parallel: Literal["shard_map", "pmap"] = "shard_map"
    """How a step is spread over several devices."""
    memory_budget: float | None = None
    """Gigabytes that images of a folder may take in memory; larger sets are read from disk batch by
    batch. Default: half of the machine's memory."""
    checkpoint_every: int | None = None
    """Steps between checkpoints; every epoch has one at its end."""
    patients: tuple[Path, ...] = ()
    """CSV files with the columns class, file, patient: intervals and warnings then take all images
    of a patient together. NIH's file names tell the patient without it."""
    habits: tuple[
        Literal[
            "train_mode_evaluation",
            "covid_and_normal",
            "sigmoid_twice",
            "batch_mean_focal",
            "last_batch_f1",
        ],
        ...,
    ] = ()
    """Mistakes of the assignment's original, to explain its figures: train_mode_evaluation (batch
    norm takes the evaluation batch's statistics, dropout stays on), covid_and_normal (the first
    class coded [1, 1, 0], the largest output the answer), sigmoid_twice (a sigmoid before the loss
    that takes one itself), batch_mean_focal (p_t from the batch's mean loss), last_batch_f1 (F1 of
    the last batch alone)."""
    as_written: bool = False
    """With --preset: its original's mistakes and unintended settings too."""
    preset: str | None = None
    """A named experiment, whose settings are then the defaults; --list-presets prints them all."""
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


# What JSON turns into lists.
TUPLES = ("head", "focal_alpha", "multilabel", "merge", "habits")

# Settings that say where and how to run, not what comes out.
INCIDENTAL = (
    "data", "parallel", "memory_budget", "checkpoint_every", "patients", "output", "weights_file",
    "resume", "coordinator", "num_processes", "process_id",
)  # fmt: skip


def as_json(config: Config) -> dict[str, Any]:
    """Every flag's value, of JSON's types."""
    return json.loads(json.dumps(dataclasses.asdict(config), default=str))


def stored(run: Path, name: str = "config.json") -> Config:
    """The settings of an earlier run, set to go on with it. Raises InputError."""
    path = run / name
    try:
        record = json.loads(path.read_text())
        record |= {"output": run, "resume": run}
        record |= {name: tuple(record[name]) for name in TUPLES if name in record}
        record["patients"] = tuple(map(Path, record.get("patients", ())))
        record |= {"coordinator": None, "num_processes": None, "process_id": None}
        kinds = {name: kind for name, kind in get_type_hints(Config).items() if name in record}
        if wrong := [name for name, kind in kinds.items() if not _fits(record[name], kind)]:
            raise ValueError(f"unfit value of {', '.join(wrong)}")
        return Config(**{name: record[name] for name in kinds})
    except OSError as error:
        raise InputError(
            [f"--resume: {run} is not a run's folder ({path.name}: {error.strerror})"]
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError([f"--resume: {path} is damaged ({error})"]) from None


def problems(config: Config) -> list[str]:
    """What is wrong with the settings by themselves, each with its flag."""
    found = []

    def require(condition: bool, flag: str, value: object, expected: str) -> None:
        if not condition:
            found.append(f"--{flag}: {value} is not {expected}")

    for flag, value in (
        ("epochs", config.epochs),
        ("batch-size", config.batch_size),
        ("eval-batch-size", config.eval_batch_size),
        *(("head", width) for width in config.head),
        ("limit-train", config.limit_train),
        ("checkpoint-every", config.checkpoint_every),
        ("num-processes", config.num_processes),
    ):
        if value is not None:
            require(value >= 1, flag, value, "a whole number of at least 1")
    if config.memory_budget is not None:
        require(config.memory_budget >= 0, "memory-budget", config.memory_budget, "0 or above")
    if (config.num_processes is None) != (config.process_id is None):
        found.append("--num-processes and --process-id belong together; give both")
    elif config.num_processes is not None and config.process_id is not None:
        require(
            0 <= config.process_id < config.num_processes,
            "process-id",
            config.process_id,
            f"from 0 to below --num-processes ({config.num_processes})",
        )
        if config.coordinator is None:
            found.append("--num-processes: give --coordinator too, process 0's host:port")
    if config.coordinator not in (None, "auto"):
        _, _, port = str(config.coordinator).rpartition(":")
        require(
            port.isdigit() and 0 < int(port) < 65536, "coordinator", config.coordinator, "host:port"
        )
        if config.num_processes is None:
            found.append("--coordinator: give --num-processes and --process-id too")
    require(config.views >= 0, "views", config.views, "0 or above")
    rates = [("lr", config.lr)]
    if config.backbone_lr is not None:
        rates.append(("backbone-lr", config.backbone_lr))
    for flag, value in rates:
        require(math.isfinite(value) and value > 0, flag, value, "a number above 0")
    for flag, value in (
        ("weight-decay", config.weight_decay),
        ("warmup-epochs", config.warmup_epochs),
    ):
        require(math.isfinite(value) and value >= 0, flag, value, "0 or a number above")
    require(
        math.isfinite(config.focal_gamma) and config.focal_gamma >= 0,
        "focal-gamma",
        config.focal_gamma,
        "0 or a number above",
    )
    for value in config.focal_alpha:
        require(math.isfinite(value) and value > 0, "focal-alpha", value, "a number above 0")
    if config.multilabel and config.loss == "cross_entropy":
        found.append(
            "--multilabel: cross_entropy knows one class per image; give --loss bce or focal"
        )
    found += _habit_problems(config)
    require(0 <= config.momentum < 1, "momentum", config.momentum, "at least 0 and below 1")
    require(0 <= config.dropout < 1, "dropout", config.dropout, "at least 0 and below 1")
    require(0 <= config.seed < 2**32, "seed", config.seed, "a whole number from 0 to 4,294,967,295")
    require(
        config.warmup_epochs <= config.epochs,
        "warmup-epochs",
        config.warmup_epochs,
        f"at most --epochs ({config.epochs})",
    )
    for flag, path in (
        ("data", config.data),
        ("weights", config.weights),
        ("output", config.output),
        ("resume", config.resume),
    ):
        if path is not None and str(path).encode("utf-8", "ignore").decode() != str(path):
            found.append(f"--{flag}: {str(path)!r} holds characters that are no text; rename it")
    if config.weights_file is not None:
        plain = re.fullmatch(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,99}\.pth", config.weights_file)
        require(
            plain is not None and config.weights_file.lower() != "weights.pth",
            "weights-file",
            repr(config.weights_file),
            "a plain file name that ends in .pth, other than weights.pth",
        )
    if config.trainable != "all" and not any(part.strip() for part in config.trainable.split(",")):
        found.append("--trainable: empty; use head, last_conv, last_block, all or globs")
    if config.resume is not None:
        if config.output != config.resume:
            found.append("--output: a resumed run stays in its own folder; leave it out")
    elif config.output is not None and os.path.lexists(config.output):
        found.append(
            f"--output: {config.output} exists; give a new folder, results are never overwritten"
        )
    return found


def _habit_problems(config: Config) -> list[str]:
    """Mistakes that cannot be made with the other settings."""
    needs = {
        "covid_and_normal": (bool(config.multilabel), "--multilabel"),
        "sigmoid_twice": (config.loss != "cross_entropy", "--loss bce or focal"),
        "batch_mean_focal": (
            config.loss == "focal" and len(config.focal_alpha) == 1,
            "--loss focal and one --focal-alpha",
        ),
        "train_mode_evaluation": (not config.views, "--views 0"),
    }
    found = [
        f"--habits {name}: needs {flags}"
        for name, (fits, flags) in needs.items()
        if name in config.habits and not fits
    ]
    if config.as_written and config.preset is None:
        found.append("--as-written: give --preset too, whose original is meant")
    return found


def _fits(value: object, kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_fits(each, get_args(kind)[0]) for each in value)
    if kinds := get_args(kind):  # a union
        return any(_fits(value, each) for each in kinds)
    if kind in (int, float) and isinstance(value, bool):
        return False
    return isinstance(value, int | float if kind is float else kind)
