"""The table of networks that can be built: a relative of a known architecture is one row.

Its layers, head and weights file are a row of `weights_convert.ARCHITECTURES`.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxcovid.models.convolution import Convolution
from jaxcovid.models.resnet import ResNet
from jaxcovid.models.vgg import VGG
from weights_convert import ARCHITECTURES
from weights_convert.names import flax_module, vgg_indices

Model = ResNet | VGG


class ModelRow(NamedTuple):
    """How a network is built, and the names of its parts."""

    module: Callable[..., Model]
    """The Flax module, in want of the fields that all networks share."""
    stages: Mapping[str, tuple[str, ...]]
    """Globs over the names of each stage's Flax modules; the stages in the order of images."""
    selections: Mapping[str, tuple[str, ...]]
    """Globs over torchvision's names of parameters, by the name of the choice to train them."""
    averages: bool
    """Whether the head is given nothing but means over places."""


def build(
    name: str,
    classes: int,
    hidden: Sequence[int] = (),
    dropout: float = 0.0,
    dtype: DTypeLike = jnp.float32,
    param_dtype: DTypeLike = jnp.float32,
    axis_name: str | None = None,
    convolution: Convolution | None = None,
) -> Model:
    """The network of that name in `MODELS`, with a head of the given hidden widths.

    It computes in `dtype` and keeps its parameters in `param_dtype`. With `axis_name` a batch is
    spread over the devices along that axis, as in `parallel.spread`. `convolution` takes the place
    of lax.conv_general_dilated. Raises KeyError if the name is unknown.
    """
    return MODELS[name].module(
        classes=classes,
        hidden=tuple(hidden),
        dropout=dropout,
        dtype=dtype,
        param_dtype=param_dtype,
        axis_name=axis_name,
        convolution=convolution,
    )


def stage_of(model: Model, module: str) -> str:
    """The stage that a module of the network, by its Flax name, belongs to.

    Raises KeyError if there is no such module.

    >>> stage_of(build("resnet18", 2), "layer4_1")
    'layer4'
    """
    for stage, globs in MODELS[model.architecture].stages.items():
        if any(fnmatchcase(module, glob) for glob in globs):
            return stage
    raise KeyError(module)


def _resnet(name: str) -> ModelRow:
    architecture = ARCHITECTURES[name]
    blocks = tuple(map(len, architecture.channels))
    layers = {f"layer{number}": (f"layer{number}_*",) for number in range(1, len(blocks) + 1)}
    last_layer = f"layer{len(blocks)}"
    last_block = f"{last_layer}.{blocks[-1] - 1}"
    return ModelRow(
        module=functools.partial(ResNet, name, blocks),
        stages={"stem": ("conv1", "bn1"), **layers, "head": _head_modules(name)},
        selections=_selections(
            name, (f"{last_block}.conv2.*", f"{last_block}.bn2.*"), (f"{last_layer}.*",)
        ),
        averages=architecture.flattened is None,
    )


def _vgg(name: str) -> ModelRow:
    architecture = ARCHITECTURES[name]
    blocks = [
        tuple(f"features.{index}" for index in indices)
        for indices in vgg_indices(architecture.channels)
    ]
    stages = {
        f"block{number}": tuple(flax_module(conv)[0] for conv in block)
        for number, block in enumerate(blocks, start=1)
    }
    last_block = tuple(f"{conv}.*" for conv in blocks[-1])
    return ModelRow(
        module=functools.partial(VGG, name, architecture.channels),
        stages={**stages, "head": _head_modules(name)},
        selections=_selections(name, last_block[-1:], last_block),
        averages=architecture.flattened is None,
    )


def _head_modules(name: str) -> tuple[str, ...]:
    prefix = ARCHITECTURES[name].head
    return (prefix, f"{prefix}_*")


def _selections(
    name: str, last_conv: tuple[str, ...], last_block: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    head = f"{ARCHITECTURES[name].head}.*"
    return {
        "head": (head,),
        "last_conv": (*last_conv, head),
        "last_block": (*last_block, head),
        "all": ("*",),
    }


MODELS = {
    "resnet18": _resnet("resnet18"),
    "resnet34": _resnet("resnet34"),
    "vgg16": _vgg("vgg16"),
}
