"""Flax Linen definitions of ResNet18 and VGG16, NHWC, with torchvision's module names."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxcovid.models.convolution import Convolution
from jaxcovid.models.resnet import ResNet18
from jaxcovid.models.vgg import BLOCKS, VGG16

MODELS = {"resnet18": ResNet18, "vgg16": VGG16}

Model = ResNet18 | VGG16


def stage_of(model: Model, module: str) -> str:
    """The stage that a module of the model, by its Flax name, belongs to."""
    if isinstance(model, ResNet18):
        known = {"conv1": "stem", "bn1": "stem", "fc": "head"}
        return known.get(module) or known.get(module.split("_")[0]) or module.split("_")[0]
    block_of = {f"features_{index}": name for name, convs in BLOCKS.items() for index in convs}
    return block_of.get(module, "head")


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
    """The model of that name with a head of the given hidden widths.

    It computes in `dtype` and keeps its parameters in `param_dtype`. With `axis_name` a batch is
    spread over the devices along that axis, as in `parallel.spread`. `convolution` takes the place
    of lax.conv_general_dilated.
    """
    return MODELS[name](classes, tuple(hidden), dropout, dtype, param_dtype, axis_name, convolution)
