"""One table per architecture: torchvision name, Flax path, layout change."""

import enum
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Layout(enum.Enum):
    """How one array is laid out in torch and in Flax."""

    VECTOR = "the same"
    CONV = "OIHW to HWIO"
    DENSE = "transposed"
    FLATTENED = "transposed, inputs from channel-first to channel-last"


class Entry(NamedTuple):
    """One array: its name in torch, its path in Flax, its layout and its shape in torch."""

    torch: str
    flax: tuple[str, ...]
    layout: Layout
    shape: tuple[int, ...]


# What torch flattens before VGG16's first dense layer, channel first.
VGG16_FLATTENED = (512, 7, 7)

HEADS = {"resnet18": "fc", "vgg16": "classifier"}
FEATURES = {"resnet18": 512, "vgg16": 25088}


def table(
    model: str, classes: int, hidden: Sequence[int] = (), dropout: bool = False
) -> tuple[Entry, ...]:
    """Every array of a model with a head of the given hidden widths, in torchvision's order.

    `dropout` tells whether the head has dropout layers, since torch counts them in its names.
    torchvision's own models are `table("resnet18", 1000)` and
    `table("vgg16", 1000, (4096, 4096), dropout=True)`.
    """
    if model not in HEADS:
        raise ValueError(f"unknown model {model!r}; known: {', '.join(HEADS)}")
    backbone = {"resnet18": _resnet18, "vgg16": _vgg16}[model]()
    return (*backbone, *_head(model, classes, hidden, dropout))


def head_names(model: str, hidden: int, dropout: bool) -> tuple[str, ...]:
    """Torch's names of the dense layers of a head with that many hidden layers.

    The head is `Sequential(Linear, ReLU[, Dropout], ..., Linear)`, and torch numbers all of its
    members. Without hidden layers ResNet18's head is torchvision's own single `fc`.
    """
    prefix = HEADS[model]
    if hidden == 0 and model == "resnet18":
        return (prefix,)
    step = 3 if dropout else 2
    return tuple(f"{prefix}.{step * index}" for index in range(hidden + 1))


def flax_module(torch_module: str) -> tuple[str, ...]:
    """The Flax path of a torch module: a number joins the name before it.

    >>> flax_module("layer4.1.conv2")
    ('layer4_1', 'conv2')
    """
    path: list[str] = []
    for part in torch_module.split("."):
        if part.isdigit():
            path[-1] += f"_{part}"
        else:
            path.append(part)
    return tuple(path)


def _conv(name: str, inputs: int, outputs: int, size: int, bias: bool) -> Iterator[Entry]:
    path = ("params", *flax_module(name))
    yield Entry(f"{name}.weight", (*path, "kernel"), Layout.CONV, (outputs, inputs, size, size))
    if bias:
        yield Entry(f"{name}.bias", (*path, "bias"), Layout.VECTOR, (outputs,))


def _norm(name: str, features: int) -> Iterator[Entry]:
    path = flax_module(name)
    for torch, collection, leaf in (
        ("weight", "params", "scale"),
        ("bias", "params", "bias"),
        ("running_mean", "batch_stats", "mean"),
        ("running_var", "batch_stats", "var"),
    ):
        yield Entry(f"{name}.{torch}", (collection, *path, leaf), Layout.VECTOR, (features,))


def _resnet18() -> Iterator[Entry]:
    yield from _conv("conv1", 3, 64, 7, bias=False)
    yield from _norm("bn1", 64)
    inputs = 64
    for layer, outputs in enumerate((64, 128, 256, 512), start=1):
        for block in range(2):
            name = f"layer{layer}.{block}"
            yield from _conv(f"{name}.conv1", inputs, outputs, 3, bias=False)
            yield from _norm(f"{name}.bn1", outputs)
            yield from _conv(f"{name}.conv2", outputs, outputs, 3, bias=False)
            yield from _norm(f"{name}.bn2", outputs)
            if inputs != outputs:
                yield from _conv(f"{name}.downsample.0", inputs, outputs, 1, bias=False)
                yield from _norm(f"{name}.downsample.1", outputs)
            inputs = outputs


# Index in torchvision's `features` and output channels; ReLUs and pools take the other indices.
VGG16_CONVS = {
    0: 64, 2: 64, 5: 128, 7: 128, 10: 256, 12: 256, 14: 256,
    17: 512, 19: 512, 21: 512, 24: 512, 26: 512, 28: 512,
}  # fmt: skip


def _vgg16() -> Iterator[Entry]:
    inputs = 3
    for index, outputs in VGG16_CONVS.items():
        yield from _conv(f"features.{index}", inputs, outputs, 3, bias=True)
        inputs = outputs


def _head(model: str, classes: int, hidden: Sequence[int], dropout: bool) -> Iterator[Entry]:
    inputs = FEATURES[model]
    names = head_names(model, len(hidden), dropout)
    for position, (name, outputs) in enumerate(zip(names, (*hidden, classes), strict=True)):
        flattened = model == "vgg16" and position == 0
        path = ("params", *flax_module(name))
        layout = Layout.FLATTENED if flattened else Layout.DENSE
        yield Entry(f"{name}.weight", (*path, "kernel"), layout, (outputs, inputs))
        yield Entry(f"{name}.bias", (*path, "bias"), Layout.VECTOR, (outputs,))
        inputs = outputs
