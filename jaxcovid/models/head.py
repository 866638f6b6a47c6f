"""The new fully connected layers on top of a backbone."""

import math
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
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
) -> Float[Array, "batch class"]:
    """Torch's `Sequential(Linear, ReLU[, Dropout], ..., Linear)`, called in a module's scope."""
    *inner, last = head_names(model, len(hidden), dropout > 0)
    for name, width in zip(inner, hidden, strict=True):
        x = nn.relu(_dense(name, x.shape[-1], width, types)(x))
        if dropout > 0:
            x = nn.Dropout(dropout, deterministic=not train)(x)
    return _dense(last, x.shape[-1], classes, types)(x)


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
