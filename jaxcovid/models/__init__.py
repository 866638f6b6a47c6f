"""Flax Linen definitions of torchvision's networks, NHWC, with torchvision's module names."""

from jaxcovid.models.convolution import Convolution, as_product
from jaxcovid.models.ensemble import Ensemble
from jaxcovid.models.registry import MODELS, Model, ModelRow, build, stage_of

__all__ = [
    "MODELS",
    "Convolution",
    "Ensemble",
    "Model",
    "ModelRow",
    "as_product",
    "build",
    "stage_of",
]
