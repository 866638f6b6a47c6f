"""Losses on logits; each gives the loss of every example, and its weight in the mean."""

from collections.abc import Callable, Mapping, Sequence

import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Shaped

Logits = Float[Array, "batch output"]
Labels = Int[Array, "batch"]
Values = Float[Array, "batch"]

# A number, perhaps traced.
Number = float | Array

# (logits, labels, mask) to the loss of each example, and its weight in the mean over examples.
Loss = Callable[[Logits, Labels, Values], tuple[Values, Values]]

# What each class is to be coded as: row by class, column by output. NaN is left out of the loss.
Codes = Float[np.ndarray, "class output"]


def cross_entropy() -> Loss:
    """The cross-entropy of softmax, one class for each example: torch.nn.CrossEntropyLoss."""

    def loss(logits: Logits, labels: Labels, mask: Values) -> tuple[Values, Values]:
        values = optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels)
        return values, jnp.ones_like(values)

    return loss


def bce(codes: Codes) -> Loss:
    """Binary cross-entropy with the codes of the classes, the mean over outputs.

    That is torch.nn.BCEWithLogitsLoss.
    """

    def loss(logits: Logits, labels: Labels, mask: Values) -> tuple[Values, Values]:
        return _mean_of_known(elements(logits, labels, codes), labels, codes)

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
        factors = jnp.stack([jnp.asarray(number, logits.dtype) for number in alpha])
        factor = jnp.broadcast_to(factors, codes.shape[1:])
        return _mean_of_known(factor[None] * doubt**gamma * entropy, labels, codes)

    return loss


# What the setting `loss` may name: from codes, alpha and gamma, the last two of the focal loss.
LOSSES: Mapping[str, Callable[[Codes, Sequence[Number], Number], Loss]] = {
    "cross_entropy": lambda codes, alpha, gamma: cross_entropy(),
    "bce": lambda codes, alpha, gamma: bce(codes),
    "focal": focal,
}


def weighted(loss: Loss, class_weights: Float[np.ndarray | Array, "class"]) -> Loss:
    """The loss whose mean over examples is weighted by class, as by CrossEntropyLoss's `weight`."""

    def weighted_loss(logits: Logits, labels: Labels, mask: Values) -> tuple[Values, Values]:
        values, weights = loss(logits, labels, mask)
        of_class = jnp.asarray(class_weights, values.dtype)[labels]
        return values * of_class, weights * of_class

    return weighted_loss


def balanced_weights(
    labels: Int[np.ndarray | Array, "n"], classes: int
) -> Float[np.ndarray | Array, "class"]:
    """Weights inverse to class frequency, 1 on average over examples.

    `labels` are numbers of classes from 0 to below `classes`, of which each must occur; others
    count for nothing. The formula is that of
    sklearn.utils.class_weight.compute_class_weight("balanced").
    """
    return weights_by_count((labels[:, None] == np.arange(classes)[None]).sum(0))


def weights_by_count(
    counts: Shaped[np.ndarray | Array, "class"],
) -> Float[np.ndarray | Array, "class"]:
    """The same from how many examples each class has, one at least."""
    return counts.sum() / (len(counts) * counts)


def elements(logits: Logits, labels: Labels, codes: Codes) -> Float[Array, "batch output"]:
    """Binary cross-entropy of every output, before any mean over outputs or examples.

    Its targets are the codes of the examples' classes; those that are NaN count as 0.
    """
    targets = jnp.asarray(np.nan_to_num(codes), logits.dtype)[labels]
    return optax.losses.sigmoid_binary_cross_entropy(logits, targets)


def _mean_of_known(
    values: Float[Array, "batch output"], labels: Labels, codes: Codes
) -> tuple[Values, Values]:
    """The share of the outputs' mean that is of known codes, and how large that share is.

    So the mean over examples is that over all known outputs.
    """
    if not np.isnan(codes).any():
        means = values.mean(-1)
        return means, jnp.ones_like(means)
    known = jnp.asarray(~np.isnan(codes), values.dtype)[labels]
    return (values * known).mean(-1), known.mean(-1)
