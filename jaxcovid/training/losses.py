"""Losses on logits; each gives the loss of every example, and its weight in the mean."""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

Logits = Float[Array, "batch class"]
Labels = Int[Array, "batch"]
Values = Float[Array, "batch"]

# A number, perhaps traced.
Number = float | Array

# (logits, labels, mask) to the loss of each example, and its weight in the mean over examples.
Loss = Callable[[Logits, Labels, Values], tuple[Values, Values]]

# What each class is to be coded as: row by class, column by output.
Codes = Float[np.ndarray, "class output"]


def cross_entropy() -> Loss:
    """torch.nn.CrossEntropyLoss."""

    def loss(logits: Logits, labels: Labels, mask: Values) -> tuple[Values, Values]:
        values = optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels)
        return values, jnp.ones_like(values)

    return loss


def bce(codes: Codes) -> Loss:
    """torch.nn.BCEWithLogitsLoss on the classes' codes: the mean over outputs."""

    def loss(logits: Logits, labels: Labels, mask: Values) -> tuple[Values, Values]:
        values = elements(logits, labels, codes).mean(-1)
        return values, jnp.ones_like(values)

    return loss


def focal(codes: Codes, alpha: Sequence[Number] = (1.0,), gamma: Number = 2.0) -> Loss:
    """Focal loss (Lin et al. 2017, arXiv:1708.02002) of every output, then the mean over outputs.

    alpha (1 - p_t)^gamma times the binary cross-entropy, p_t being the probability of the output's
    own target. `alpha` is one factor, or one for each output.
    """

    def loss(logits: Logits, labels: Labels, mask: Values) -> tuple[Values, Values]:
        entropy = elements(logits, labels, codes)
        # 1 - p_t, exact also where p_t is nearly 1; above 0, where small powers have a slope.
        doubt = jnp.maximum(-jnp.expm1(-entropy), jnp.finfo(entropy.dtype).tiny)
        factors = jnp.stack([jnp.asarray(each, logits.dtype) for each in alpha])
        factor = jnp.broadcast_to(factors, codes.shape[1:])
        values = (factor[None] * doubt**gamma * entropy).mean(-1)
        return values, jnp.ones_like(values)

    return loss


def weighted(loss: Loss, class_weights: Float[np.ndarray, "class"]) -> Loss:
    """The weighted mean of a loss, as torch's `weight` makes it: by the weight of the class."""

    def weighted_loss(logits: Logits, labels: Labels, mask: Values) -> tuple[Values, Values]:
        values, weights = loss(logits, labels, mask)
        own = jnp.asarray(class_weights, values.dtype)[labels]
        return values * own, weights * own

    return weighted_loss


def balanced_weights(labels: Int[np.ndarray, "n"], classes: int) -> Float[np.ndarray, "class"]:
    """Weights inverse to class frequency, 1 on average over examples (scikit-learn's formula)."""
    return len(labels) / (classes * np.bincount(labels, minlength=classes))


def elements(logits: Logits, labels: Labels, codes: Codes) -> Float[Array, "batch output"]:
    """Binary cross-entropy of every output."""
    targets = jnp.asarray(codes, logits.dtype)[labels]
    return optax.losses.sigmoid_binary_cross_entropy(logits, targets)
