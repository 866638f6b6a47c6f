"""Batch normalisation with torch's running statistics."""

from collections.abc import Collection

import flax.linen as nn
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from jaxcovid.parallel import sum_over_devices

EPSILON = 1e-5
MOMENTUM = 0.1  # torch's: the weight of the new value


class BatchNorm(nn.Module):
    """torch.nn.BatchNorm2d: normalises by the biased variance, stores the unbiased one.

    Flax's own BatchNorm stores the biased variance, so its running statistics drift away from
    torch's during training. Statistics are those of the batch on all devices along `axis_name`.
    """

    dtype: DTypeLike = jnp.float32
    param_dtype: DTypeLike = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch height width channel"],
        live_norms: Collection[str],
        mask: Float[Array, "batch"] | None,
    ) -> Float[Array, "batch height width channel"]:
        """Uses and updates the batch's statistics if this module's path is in `live_norms`.

        `mask` is 1 for examples that count in the statistics and 0 for padding.
        """
        features = (x.shape[-1],)
        scale = self.param("scale", nn.initializers.ones, features, self.param_dtype)
        bias = self.param("bias", nn.initializers.zeros, features, self.param_dtype)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, features, jnp.float32)
        running_var = self.variable("batch_stats", "var", jnp.ones, features, jnp.float32)
        x = x.astype(jnp.float32)

        if "/".join(self.path) in live_norms:
            mean, var, count = moments(x, mask, self.axis_name)
            if not self.is_initializing():
                unbiased = var * (count / jnp.maximum(count - 1, 1))
                running_mean.value += MOMENTUM * (mean - running_mean.value)
                running_var.value += MOMENTUM * (unbiased - running_var.value)
        else:
            mean, var = running_mean.value, running_var.value

        multiplier = scale.astype(jnp.float32) * lax.rsqrt(var + EPSILON)
        offset = bias.astype(jnp.float32) - mean * multiplier
        return (x * multiplier[None, None, None] + offset[None, None, None]).astype(self.dtype)


def moments(
    x: Float[Array, "batch height width channel"],
    mask: Float[Array, "batch"] | None,
    axis_name: str | None = None,
) -> tuple[Float[Array, "channel"], Float[Array, "channel"], Float[Array, ""]]:
    """Mean, biased variance and number of values per channel, over the unmasked examples.

    With `axis_name`, of the examples on all devices along that axis.
    """
    if mask is None:
        mask = jnp.ones(x.shape[0], x.dtype)
    mask = mask.astype(x.dtype)
    count = sum_over_devices(mask.sum(), axis_name) * (x.shape[1] * x.shape[2])

    def mean_over_images(x: Float[Array, "batch height width channel"]) -> Float[Array, "channel"]:
        # Image by image first: XLA would write the mask out for every value of every image.
        return sum_over_devices((x.sum((1, 2)) * mask[:, None]).sum(0), axis_name) / count

    mean = mean_over_images(x)
    # Two passes, as in torch: E[x^2] - E[x]^2 cancels when the mean is large.
    return mean, mean_over_images(jnp.square(x - mean[None, None, None])), count
