"""The new fully connected layers on top of a backbone."""

import math
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from weights_convert.names import flax_module, head_names

# What to compute in, and what to keep parameters in.
Types = tuple[DTypeLike, DTypeLike]


def dense_head(
    x: Float[Array, "batch feature"],
    *,
    model: str,
    classes: int,
    hidden: Sequence[int],
    dropout: float,
    train: bool,
    types: Types,
    axis_name: str | None,
) -> Float[Array, "batch class"]:
    """Torch's `Sequential(Linear, ReLU[, Dropout], ..., Linear)`, called in a module's scope."""
    *inner, last = head_names(model, len(hidden), dropout > 0)
    for name, width in zip(inner, hidden, strict=True):
        x = nn.relu(_dense(name, x.shape[-1], width, types)(x))
        if dropout > 0:
            x = Dropout(dropout, axis_name)(x, train)
    return _dense(last, x.shape[-1], classes, types)(x)


class Dropout(nn.Module):
    """torch.nn.Dropout, drawn for each place in the batch.

    So an example's mask does not depend on how many devices share the batch, as it would with
    Flax's own.
    """

    rate: float
    axis_name: str | None

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch feature"], train: bool
    ) -> Float[Array, "batch feature"]:
        """Zeros at random, the rest scaled up, while training."""
        if not train:
            return x
        first = 0 if self.axis_name is None else lax.axis_index(self.axis_name) * len(x)
        places = first + jnp.arange(len(x), dtype=jnp.int32)
        keys = jax.vmap(jax.random.fold_in, (None, 0))(self.make_rng("dropout"), places)
        keep = jax.vmap(lambda key: jax.random.bernoulli(key, 1 - self.rate, x.shape[1:]))(keys)
        return jnp.where(keep, x / (1 - self.rate), 0)


def _dense(torch_name: str, inputs: int, outputs: int, types: Types) -> nn.Dense:
    (name,) = flax_module(torch_name)
    init = _uniform(1 / math.sqrt(inputs))
    return nn.Dense(
        outputs,
        dtype=types[0],
        param_dtype=types[1],
        kernel_init=init,
        bias_init=init,
        name=name,
    )


def _uniform(bound: float) -> Callable[..., Array]:
    """Uniform in (-bound, bound), as torch initialises Linear with 1/sqrt(inputs)."""
    return lambda key, shape, dtype: jax.random.uniform(key, shape, dtype, -bound, bound)
