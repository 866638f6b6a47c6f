"""The settings of one run; imports nothing slow, so that --help answers at once."""

import dataclasses
import math
import os
from pathlib import Path
from typing import Annotated, Literal

import tyro


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
    loss: Literal["cross_entropy"] = "cross_entropy"
    """Loss."""
    class_weights: Literal["none", "balanced"] = "none"
    """Whether rare classes weigh more in the loss."""
    batch_norm: Literal["frozen", "batch"] = "frozen"
    """Batch norm of frozen blocks: frozen uses and keeps the running statistics, batch is torch's
    train-mode habit everywhere."""
    augment: bool = True
    """Random rotation, crop and flip of training images."""
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
    output: Path | None = None
    """Folder for the results; must not exist. Default: runs/<model>-<trainable>-<time>."""


def problems(config: Config) -> list[str]:
    """What is wrong with the settings by themselves, each with its flag."""
    found = []

    def require(condition: bool, flag: str, value: object, expected: str) -> None:
        if not condition:
            found.append(f"--{flag}: {value} is not {expected}")

    for flag, value in (
        ("epochs", config.epochs),
        ("batch-size", config.batch_size),
        *(("head", width) for width in config.head),
        *((("limit-train", config.limit_train),) if config.limit_train is not None else ()),
    ):
        require(value >= 1, flag, value, "a whole number of at least 1")
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
    ):
        if path is not None and str(path).encode("utf-8", "ignore").decode() != str(path):
            found.append(f"--{flag}: {str(path)!r} holds characters that are no text; rename it")
    if config.trainable != "all" and not any(part.strip() for part in config.trainable.split(",")):
        found.append("--trainable: empty; use head, last_conv, last_block, all or globs")
    if config.output is not None and os.path.lexists(config.output):
        found.append(
            f"--output: {config.output} exists; give a new folder, results are never overwritten"
        )
    return found
