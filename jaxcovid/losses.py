"""Losses on logits."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

# The loss of each example, and its weight in the mean over examples.
Loss = Callable[
    [Float[Array, "batch class"], Int[Array, "batch"]],
    tuple[Float[Array, "batch"], Float[Array, "batch"]],
]


def cross_entropy(class_weights: Float[np.ndarray, "class"] | None = None) -> Loss:
    """torch.nn.CrossEntropyLoss: with class weights a weighted mean over the batch."""

    def loss(
        logits: Float[Array, "batch class"], labels: Int[Array, "batch"]
    ) -> tuple[Float[Array, "batch"], Float[Array, "batch"]]:
        values = optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels)
        if class_weights is None:
            return values, jnp.ones_like(values)
        weights = jnp.asarray(class_weights, values.dtype)[labels]
        return values * weights, weights

    return loss


def balanced_weights(labels: Int[np.ndarray, "n"], classes: int) -> Float[np.ndarray, "class"]:
    """Weights inverse to class frequency, 1 on average over examples (scikit-learn's formula)."""
    return len(labels) / (classes * np.bincount(labels, minlength=classes))
