"""VGG16 (Simonyan and Zisserman 2014, arXiv:1409.1556), as torchvision.models.vgg16 computes it."""

from collections.abc import Collection
from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from jaxcovid.models.convolution import Convolution
from jaxcovid.models.head import Types, dense_head
from weights_convert.names import VGG16_CONVS

# Indices in torchvision's `features` of each block's convolutions; a 2x2 pool ends a block.
BLOCKS = {
    "block1": (0, 2),
    "block2": (5, 7),
    "block3": (10, 12, 14),
    "block4": (17, 19, 21),
    "block5": (24, 26, 28),
}


class VGG16(nn.Module):
    """Images of at least 32 x 32 to logits, in named stages.

    `start`, `stop`, `live_norms`, `mask`, `axis_name` and `convolution` as in ResNet18; there is no
    batch norm to use `live_norms` and `mask`.
    """

    classes: int
    hidden: tuple[int, ...] = ()
    dropout: float = 0.0
    dtype: DTypeLike = jnp.float32
    param_dtype: DTypeLike = jnp.float32
    axis_name: str | None = None
    convolution: Convolution | None = None

    stages: ClassVar[tuple[str, ...]] = (*BLOCKS, "head")

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch *features"],
        *,
        train: bool = False,
        live_norms: Collection[str] = (),
        mask: Float[Array, "batch"] | None = None,
        start: str = "block1",
        stop: str = "head",
    ) -> Float[Array, "batch *outputs"]:
        """Logits, or the output of stage `stop`."""
        del live_norms, mask
        types = (self.dtype, self.param_dtype)
        x = x.astype(self.dtype)
        for stage in self.stages[self.stages.index(start) : self.stages.index(stop) + 1]:
            if stage == "head":
                x = adaptive_average_pool(x, 7)
                x = dense_head(
                    x.reshape(x.shape[0], -1),
                    model="vgg16",
                    classes=self.classes,
                    hidden=self.hidden,
                    dropout=self.dropout,
                    train=train,
                    types=types,
                    axis_name=self.axis_name,
                ).astype(jnp.float32)
            else:
                for index in BLOCKS[stage]:
                    x = nn.relu(
                        _conv(VGG16_CONVS[index], f"features_{index}", types, self.convolution)(x)
                    )
                x = nn.max_pool(x, (2, 2), (2, 2))
        return x


def adaptive_average_pool(
    x: Float[Array, "batch height width channel"], size: int
) -> Float[Array, "batch {size} {size} channel"]:
    """torch.nn.AdaptiveAvgPool2d: bin i of n values is floor(i n/size) to ceil((i+1) n/size)."""
    if x.shape[1:3] == (size, size):
        return x
    rows, columns = (jnp.asarray(_bins(length, size), x.dtype) for length in x.shape[1:3])
    return jnp.einsum("bhwc,ph,qw->bpqc", x, rows, columns, precision=lax.Precision.HIGHEST)


def _bins(length: int, size: int) -> np.ndarray:
    matrix = np.zeros((size, length))
    for index in range(size):
        first, last = index * length // size, -((index + 1) * length // -size)
        matrix[index, first:last] = 1 / (last - first)
    return matrix


def _conv(features: int, name: str, types: Types, convolution: Convolution | None) -> nn.Conv:
    return nn.Conv(
        features,
        (3, 3),
        padding=[(1, 1), (1, 1)],
        dtype=types[0],
        param_dtype=types[1],
        kernel_init=nn.initializers.variance_scaling(2.0, "fan_out", "normal"),
        conv_general_dilated=convolution,
        name=name,
    )
