"""The quicker way to compute a network's convolutions on CPUs."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar, cast

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from jaxcovid.models.ensemble import Ensemble
from jaxcovid.models.registry import Model
from jaxcovid.models.winograd import winograd

AnyModel = TypeVar("AnyModel", bound=Model | Ensemble)


class Threshold(NamedTuple):
    """From where on Winograd's convolution takes less time than an ordinary one.

    With fewer channels, what is saved goes into sums around the products; with fewer places in the
    batch's images for each channel, into transforming the kernel.
    """

    channels: int
    places_per_channel: int


FORWARD = Threshold(channels=128, places_per_channel=4)
TRAINING = Threshold(channels=256, places_per_channel=8)


def quick_forward(model: AnyModel) -> AnyModel:
    """The same network, for passes of which no gradient is taken."""
    return _on_cpu(model, forward_convolution)


def quick_training(model: Model) -> Model:
    """The same network, for passes of which a gradient is taken."""
    return _on_cpu(model, training_convolution)


def forward_convolution(
    images: Float[Array, "batch height width channel"],
    kernel: Float[Array, "rows columns channel out_channel"],
    *arguments: Any,
    **options: Any,
) -> Float[Array, "batch out_height out_width out_channel"]:
    """What lax.conv_general_dilated gives, to a few millionths of the largest value."""
    return _quicker(winograd, FORWARD, images, kernel, *arguments, **options)


def training_convolution(
    images: Float[Array, "batch height width channel"],
    kernel: Float[Array, "rows columns channel out_channel"],
    *arguments: Any,
    **options: Any,
) -> Float[Array, "batch out_height out_width out_channel"]:
    """What lax.conv_general_dilated gives, to a few millionths of the largest value.

    Without the barrier XLA computes what `images` are made from a second time for the gradient of
    the kernel, in an order that suits its own layout and takes up to twenty times as long.
    `compilation.QUICK_ON_CPU` lets it heed the barrier. Winograd's transforms are computed again
    for the gradient: keeping them takes four times the memory of `images`, and no less time.
    """
    kept = lax.optimization_barrier(images)
    return _quicker(jax.checkpoint(winograd), TRAINING, kept, kernel, *arguments, **options)


def _quicker(
    quick: Callable[[Array, Array], Array],
    threshold: Threshold,
    images: Float[Array, "batch height width channel"],
    kernel: Float[Array, "rows columns channel out_channel"],
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    **options: Any,
) -> Float[Array, "batch out_height out_width out_channel"]:
    """`quick` from the threshold on, where it computes the same, else the ordinary convolution."""
    batch, height, width, channels = images.shape
    same = kernel.shape[:2] == (3, 3) and tuple(strides) == (1, 1)
    same = same and [tuple(sides) for sides in padding] == [(1, 1), (1, 1)]
    many = batch * height * width >= threshold.places_per_channel * channels
    if same and many and min(kernel.shape[2:]) >= threshold.channels:
        return quick(images, kernel)
    return lax.conv_general_dilated(images, kernel, strides, padding, **options)


def _on_cpu(model: AnyModel, convolution: Callable[..., Array]) -> AnyModel:
    if jax.default_backend() != "cpu" or model.dtype != jnp.float32:
        return model
    return cast(AnyModel, model.clone(convolution=convolution))
