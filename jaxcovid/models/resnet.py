"""ResNets of basic blocks (He et al. 2015, arXiv:1512.03385), as in torchvision.models.resnet."""

from collections.abc import Collection

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from jaxcovid.models.batch_norm import BatchNorm
from jaxcovid.models.convolution import Convolution
from jaxcovid.models.head import Types, dense_head
from jaxcovid.models.pooling import Window, max_pool


class ResNet(nn.Module):
    """Images of any size to logits, in named stages.

    `architecture` is the name in the tables, which gives the names of the head's layers, and
    `blocks` the number of residual blocks in each layer. The head has `hidden` widths before its
    `classes`. It computes in `dtype` and keeps its parameters in `param_dtype`.

    `start` and `stop` run only a part: the input is then the output of the stage before `start`,
    the result that of `stop`. `live_norms` names the batch norms that use and update the batch's
    statistics; all others use the running ones. `mask` marks padding in the batch with 0. With
    `axis_name` the batch is spread over the devices along that axis. `convolution` takes the place
    of lax.conv_general_dilated.
    """

    architecture: str
    blocks: tuple[int, ...]
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
        layers = (f"layer{number}" for number in range(1, len(self.blocks) + 1))
        return ("stem", *layers, "head")

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch *features"],
        *,
        train: bool = False,
        live_norms: Collection[str] = (),
        mask: Float[Array, "batch"] | None = None,
        start: str = "stem",
        stop: str = "head",
    ) -> Float[Array, "batch *outputs"]:
        """Logits, or the output of stage `stop`."""
        types = (self.dtype, self.param_dtype)
        x = x.astype(self.dtype)
        for stage in self.stages[self.stages.index(start) : self.stages.index(stop) + 1]:
            if stage == "stem":
                x = _conv(64, 7, 2, "conv1", types, self.convolution)(x)
                x = nn.relu(BatchNorm(*types, self.axis_name, name="bn1")(x, live_norms, mask))
                x = max_pool(x, Window(3, 2, 1))
            elif stage == "head":
                x = dense_head(
                    x.mean((1, 2)),
                    model=self.architecture,
                    classes=self.classes,
                    hidden=self.hidden,
                    dropout=self.dropout,
                    train=train,
                    types=types,
                    axis_name=self.axis_name,
                ).astype(jnp.float32)
            else:
                number = int(stage.removeprefix("layer"))
                for index in range(self.blocks[number - 1]):
                    stride = 2 if number > 1 and index == 0 else 1
                    features = 64 * 2 ** (number - 1)
                    name = f"{stage}_{index}"
                    block = BasicBlock(
                        features, stride, types, self.axis_name, self.convolution, name=name
                    )
                    x = block(x, live_norms, mask)
        return x


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, 1x1 where the shape changes."""

    features: int
    stride: int
    types: Types
    axis_name: str | None
    convolution: Convolution | None

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch height width channel"],
        live_norms: Collection[str],
        mask: Float[Array, "batch"] | None,
    ) -> Float[Array, "batch out_height out_width out_channel"]:
        """The block's output."""
        norms, common = (*self.types, self.axis_name), (self.types, self.convolution)
        shortcut = x
        if x.shape[-1] != self.features:
            shortcut = _conv(self.features, 1, self.stride, "downsample_0", *common)(x)
            shortcut = BatchNorm(*norms, name="downsample_1")(shortcut, live_norms, mask)
        x = _conv(self.features, 3, self.stride, "conv1", *common)(x)
        x = nn.relu(BatchNorm(*norms, name="bn1")(x, live_norms, mask))
        x = _conv(self.features, 3, 1, "conv2", *common)(x)
        return nn.relu(BatchNorm(*norms, name="bn2")(x, live_norms, mask) + shortcut)


def _conv(
    features: int,
    size: int,
    stride: int,
    name: str,
    types: Types,
    convolution: Convolution | None,
) -> nn.Conv:
    # Explicit padding: at even sizes 'SAME' with stride 2 pads right and below only, torch all
    # around. The shapes agree, so that mistake is silent.
    padding = (size - 1) // 2
    return nn.Conv(
        features,
        (size, size),
        (stride, stride),
        padding=[(padding, padding)] * 2,
        use_bias=False,
        dtype=types[0],
        param_dtype=types[1],
        kernel_init=nn.initializers.variance_scaling(2.0, "fan_out", "normal"),
        conv_general_dilated=convolution,
        name=name,
    )
