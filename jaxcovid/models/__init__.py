"""Flax Linen definitions of ResNet18 and VGG16, NHWC, with torchvision's module names."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxcovid.models.resnet import ResNet18
from jaxcovid.models.vgg import VGG16

MODELS = {"resnet18": ResNet18, "vgg16": VGG16}

Model = ResNet18 | VGG16


def build(
    name: str,
    classes: int,
    hidden: Sequence[int] = (),
    dropout: float = 0.0,
    dtype: DTypeLike = jnp.float32,
    param_dtype: DTypeLike = jnp.float32,
    axis_name: str | None = None,
) -> Model:
    """The model of that name with a head of the given hidden widths.

    It computes in `dtype` and keeps its parameters in `param_dtype`. With `axis_name` a batch is
    spread over the devices along that axis, as in `parallel.spread`.
    """
    return MODELS[name](classes, tuple(hidden), dropout, dtype, param_dtype, axis_name)
