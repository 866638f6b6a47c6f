"""A convolution as one matrix product, for sweeps."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

# What a layer may use in place of lax.conv_general_dilated.
Convolution = Callable[..., Array]


def as_product(
    images: Float[Array, "batch height width channel"],
    kernel: Float[Array, "rows columns channel out_channel"],
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    **options: Any,
) -> Float[Array, "batch out_height out_width out_channel"]:
    """What lax.conv_general_dilated gives, for images and kernels without dilation or groups.

    With a kernel for each member of a sweep, XLA makes one grouped convolution of vmapped ones,
    which takes several times as long on a CPU; of products it makes a batched product, which does
    not.
    """
    precision = options.pop("precision", None)
    rows, columns, channels, _ = kernel.shape
    padded = jnp.pad(images, ((0, 0), *padding, (0, 0)))
    height, width = (
        (size - extent) // stride + 1
        for size, extent, stride in zip(padded.shape[1:3], (rows, columns), strides, strict=True)
    )
    shifted = [
        padded[
            :,
            row : row + (height - 1) * strides[0] + 1 : strides[0],
            column : column + (width - 1) * strides[1] + 1 : strides[1],
        ]
        for row in range(rows)
        for column in range(columns)
    ]
    patches = jnp.concatenate(shifted, -1)
    weights = kernel.reshape(rows * columns * channels, -1)
    return lax.dot_general(patches, weights, (((3,), (0,)), ((), ())), precision=precision)
