"""Max pooling whose gradient costs a CPU little."""

import functools
from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int8


class Window(NamedTuple):
    """A square window, and what it moves by; `padding` is on all sides. All in pixels."""

    size: int
    stride: int
    padding: int = 0


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def max_pool(
    x: Float[Array, "batch height width channel"], window: Window
) -> Float[Array, "batch out_height out_width channel"]:
    """torch.nn.MaxPool2d: the largest value of each window; padding is never the largest.

    Of equal values the first in the order of rows has the gradient, as in torch: zeros after a ReLU
    are equal all the time. XLA's gradient of its own pooling is the same, but looks at every window
    again, which takes a CPU several times as long as to remember where the largest value was.

    >>> max_pool(jnp.arange(16.0).reshape(1, 4, 4, 1), Window(2, 2)).ravel().tolist()
    [5.0, 7.0, 13.0, 15.0]
    """
    return _largest(x, window)[0]


def _forward(
    x: Float[Array, "batch height width channel"], window: Window
) -> tuple[Float[Array, "batch out_height out_width channel"], tuple[Array, Array]]:
    largest, winner = _largest(x, window)
    # Of no bytes: it tells the shape and the type of the input.
    return largest, (winner, x[:0])


def _backward(
    window: Window,
    residuals: tuple[Array, Array],
    gradient: Float[Array, "batch out_height out_width channel"],
) -> tuple[Float[Array, "batch height width channel"]]:
    winner, like = residuals
    total = jnp.zeros((len(gradient), *like.shape[1:]), gradient.dtype)
    for place, corner in enumerate(_places(window)):
        share = jnp.where(winner == place, gradient, 0)
        # Each share goes back to where its window has this place; between those is nothing.
        spread = [
            (
                first - window.padding,
                length + window.padding - (outputs - 1) * window.stride - 1 - first,
                window.stride - 1,
            )
            for first, length, outputs in zip(
                corner, like.shape[1:3], gradient.shape[1:3], strict=True
            )
        ]
        none = (0, 0, 0)
        total += lax.pad(share, jnp.zeros((), share.dtype), (none, *spread, none))
    return (total,)


max_pool.defvjp(_forward, _backward)


def _largest(
    x: Float[Array, "batch height width channel"], window: Window
) -> tuple[
    Float[Array, "batch out_height out_width channel"],
    Int8[Array, "batch out_height out_width channel"],
]:
    """The largest value of each window, and the number of its place among `_places`."""
    size, stride, padding = window
    padded = jnp.pad(
        x, ((0, 0), (padding, padding), (padding, padding), (0, 0)), constant_values=-jnp.inf
    )
    spans = [(length - size) // stride * stride + 1 for length in padded.shape[1:3]]
    largest = winner = None
    for place, (row, column) in enumerate(_places(window)):
        values = padded[:, row : row + spans[0] : stride, column : column + spans[1] : stride]
        if largest is None or winner is None:
            largest, winner = values, jnp.zeros(values.shape, jnp.int8)
            continue
        larger = (values > largest) | jnp.isnan(values)
        largest = jnp.where(larger, values, largest)
        winner = jnp.where(larger, jnp.int8(place), winner)
    assert largest is not None and winner is not None
    return largest, winner


def _places(window: Window) -> Iterator[tuple[int, int]]:
    """Row and column of each place in a window, in the order of rows."""
    return ((row, column) for row in range(window.size) for column in range(window.size))
