"""The table of architectures: their arrays in torch and Flax, their head, signs and weights file.

A relative of a known architecture is one row of `ARCHITECTURES`.
"""

import enum
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Layout(enum.Enum):
    """How an array is laid out in torch and in Flax."""

    VECTOR = "the same"
    CONV = "OIHW to HWIO"
    DENSE = "transposed"
    FLATTENED = "transposed, inputs from channel-first to channel-last"


class Entry(NamedTuple):
    """One array of a network."""

    torch: str
    """Its name in torch's state_dict."""
    flax: tuple[str, ...]
    """Its path in Flax, beginning with the collection."""
    layout: Layout
    shape: tuple[int, ...]
    """Its shape in torch."""
    flattened: tuple[int, int, int] = (1, 1, 1)
    """Channels, height and width that torch flattens into the inputs, with Layout.FLATTENED."""


class WeightsFile(NamedTuple):
    """A file of ImageNet weights that torchvision publishes."""

    name: str
    sha256: str
    """In hexadecimal: whole, or the beginning that torch.hub checks, which is in the name."""
    server: str = "https://download.pytorch.org/models"


class Architecture(NamedTuple):
    """What there is to know of torchvision's network of that name."""

    channels: tuple[tuple[int, ...], ...]
    """Output channels of the residual blocks of each layer (ResNet), or of the convolutions of
    each block (VGG)."""
    backbone: tuple[Entry, ...]
    head: str
    """The prefix of the head's names."""
    bare_head: bool
    """Whether torchvision's head is a single dense layer with the prefix for its name."""
    features: int
    """How many values the head is given."""
    flattened: tuple[int, int, int] | None
    """Channels, height and width of them, if the head is given more than a mean of places."""
    imagenet_hidden: tuple[int, ...]
    """Hidden widths of torchvision's head for ImageNet."""
    imagenet_dropout: bool
    sign: str
    """A glob over names that smaller relatives do not have."""
    layers: str
    """A glob over names of the backbone: one that `backbone` lacks is another relative's."""
    relative: str
    """What a network with such a name is, in words."""
    weights: WeightsFile


def table(
    model: str, classes: int, hidden: Sequence[int] = (), dropout: bool = False
) -> tuple[Entry, ...]:
    """Every array of a network with a head of the given hidden widths, in torchvision's order.

    `dropout` says whether the head has dropout layers, since torch counts them in its names.
    torchvision's networks are `table("resnet18", 1000)` and
    `table("vgg16", 1000, (4096, 4096), dropout=True)`. Raises ValueError if the architecture is
    unknown.
    """
    if model not in ARCHITECTURES:
        raise ValueError(f"unknown model {model!r}; known: {', '.join(ARCHITECTURES)}")
    return (*ARCHITECTURES[model].backbone, *_head(model, classes, hidden, dropout))


def head_names(model: str, hidden: int, dropout: bool) -> tuple[str, ...]:
    """Torch's names of the dense layers of a head with that many hidden layers.

    The head is `Sequential(Linear, ReLU[, Dropout], ..., Linear)`, and torch numbers all of its
    members. Without hidden layers ResNet's head is a single `fc`, as in torchvision.

    >>> head_names("resnet18", 1, dropout=False)
    ('fc.0', 'fc.2')
    """
    architecture = ARCHITECTURES[model]
    if hidden == 0 and architecture.bare_head:
        return (architecture.head,)
    step = 3 if dropout else 2
    return tuple(f"{architecture.head}.{step * index}" for index in range(hidden + 1))


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


def vgg_indices(channels: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    """Where in torchvision's `features` the convolutions of each block are.

    A ReLU follows each of them and a pool each block.

    >>> vgg_indices(((64, 64), (128,)))
    ((0, 2), (5,))
    """
    blocks, first = [], 0
    for block in channels:
        blocks.append(tuple(first + 2 * position for position in range(len(block))))
        first += 2 * len(block) + 1
    return tuple(blocks)


def _resnet(blocks: tuple[int, ...], weights: WeightsFile) -> Architecture:
    """A ResNet of basic blocks, with their number in each layer.

    A layer is twice as wide as the one before.
    """
    widths = [64 * 2**layer for layer in range(len(blocks))]
    channels = tuple((width,) * count for width, count in zip(widths, blocks, strict=True))
    return Architecture(
        channels=channels,
        backbone=tuple(_resnet_entries(channels)),
        head="fc",
        bare_head=True,
        features=widths[-1],
        flattened=None,
        imagenet_hidden=(),
        imagenet_dropout=False,
        sign=f"layer{len(blocks)}.{blocks[-1] - 1}.*",
        layers="layer?.*.conv?.weight",
        relative="a deeper ResNet",
        weights=weights,
    )


def _vgg(convolutions: tuple[int, int, int, int, int], weights: WeightsFile) -> Architecture:
    """A VGG without batch norm, with the number of convolutions in each block."""
    widths = (64, 128, 256, 512, 512)
    channels = tuple((width,) * count for width, count in zip(widths, convolutions, strict=True))
    flattened = (512, 7, 7)
    return Architecture(
        channels=channels,
        backbone=tuple(_vgg_entries(channels)),
        head="classifier",
        bare_head=False,
        features=math.prod(flattened),
        flattened=flattened,
        imagenet_hidden=(4096, 4096),
        imagenet_dropout=True,
        sign=f"features.{vgg_indices(channels)[-1][-1]}.*",
        layers="features.[0-9]*.*",
        relative="another VGG",
        weights=weights,
    )


def _resnet_entries(channels: Sequence[Sequence[int]]) -> Iterator[Entry]:
    yield from _conv("conv1", 3, 64, 7, bias=False)
    yield from _norm("bn1", 64)
    inputs = 64
    for layer, blocks in enumerate(channels, start=1):
        for block, outputs in enumerate(blocks):
            name = f"layer{layer}.{block}"
            yield from _conv(f"{name}.conv1", inputs, outputs, 3, bias=False)
            yield from _norm(f"{name}.bn1", outputs)
            yield from _conv(f"{name}.conv2", outputs, outputs, 3, bias=False)
            yield from _norm(f"{name}.bn2", outputs)
            if inputs != outputs:
                yield from _conv(f"{name}.downsample.0", inputs, outputs, 1, bias=False)
                yield from _norm(f"{name}.downsample.1", outputs)
            inputs = outputs


def _vgg_entries(channels: Sequence[Sequence[int]]) -> Iterator[Entry]:
    inputs = 3
    for indices, block in zip(vgg_indices(channels), channels, strict=True):
        for index, outputs in zip(indices, block, strict=True):
            yield from _conv(f"features.{index}", inputs, outputs, 3, bias=True)
            inputs = outputs


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


def _head(model: str, classes: int, hidden: Sequence[int], dropout: bool) -> Iterator[Entry]:
    architecture = ARCHITECTURES[model]
    inputs, flattened = architecture.features, architecture.flattened
    names = head_names(model, len(hidden), dropout)
    for name, outputs in zip(names, (*hidden, classes), strict=True):
        kernel = ("params", *flax_module(name), "kernel")
        shape = (outputs, inputs)
        if flattened is None:
            yield Entry(f"{name}.weight", kernel, Layout.DENSE, shape)
        else:
            yield Entry(f"{name}.weight", kernel, Layout.FLATTENED, shape, flattened)
        yield Entry(f"{name}.bias", (*kernel[:-1], "bias"), Layout.VECTOR, (outputs,))
        inputs, flattened = outputs, None


ARCHITECTURES = {
    "resnet18": _resnet(
        (2, 2, 2, 2),
        WeightsFile(
            "resnet18-f37072fd.pth",
            "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
        ),
    ),
    "resnet34": _resnet((3, 4, 6, 3), WeightsFile("resnet34-b627a593.pth", "b627a593")),
    "vgg16": _vgg(
        (2, 2, 3, 3, 3),
        WeightsFile(
            "vgg16-397923af.pth",
            "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        ),
    ),
}
