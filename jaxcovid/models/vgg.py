"""VGG (Simonyan and Zisserman 2014, arXiv:1409.1556), as in torchvision.models.vgg."""

from collections.abc import Collection

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from jaxcovid.models.convolution import Convolution
from jaxcovid.models.head import Types, dense_head
from jaxcovid.models.pooling import Window, max_pool
from weights_convert.names import vgg_indices


class VGG(nn.Module):
    """Images of at least 32 x 32 to logits, in named stages.

    `architecture` is the name in the tables, which gives the names of the head's layers, and
    `channels` the output channels of each block's convolutions. The head has `hidden` widths
    before its `classes`. It computes in `dtype` and keeps its parameters in `param_dtype`.

    `start` and `stop` run only a part: the input is then the output of the stage before `start`,
    the result that of `stop`. `live_norms` and `mask` are for networks with batch norm. With
    `axis_name` the batch is spread over the devices along that axis. `convolution` takes the place
    of lax.conv_general_dilated.
    """

    architecture: str
    channels: tuple[tuple[int, ...], ...]
    classes: int
    hidden: tuple[int, ...] = ()
    dropout: float = 0.0
    dtype: DTypeLike = jnp.float32
    param_dtype: DTypeLike = jnp.float32
    axis_name: str | None = None
    convolution: Convolution | None = None

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, in the order in which images pass."""
        return (*(f"block{number}" for number in range(1, len(self.channels) + 1)), "head")

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
                    model=self.architecture,
                    classes=self.classes,
                    hidden=self.hidden,
                    dropout=self.dropout,
                    train=train,
                    types=types,
                    axis_name=self.axis_name,
                ).astype(jnp.float32)
            else:
                number = int(stage.removeprefix("block")) - 1
                indices = vgg_indices(self.channels)[number]
                for index, features in zip(indices, self.channels[number], strict=True):
                    name = f"features_{index}"
                    x = nn.relu(_conv(features, name, types, self.convolution)(x))
                x = max_pool(x, Window(2, 2))
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
