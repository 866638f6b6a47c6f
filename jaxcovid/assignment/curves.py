"""Curves as the original drew them: their loss and accuracy are not what they are called."""

import jax.numpy as jnp
import numpy as np

from jaxcovid import parallel
from jaxcovid.training.evaluation import Sums
from jaxcovid.training.losses import Codes, Labels, Logits, Values
from jaxcovid.training.step import Correct


def loss_over_images(sums: Sums) -> Sums:
    """What a batch adds where its mean loss is divided by the number of images, not of batches."""
    loss, weight, correct, examples = sums
    return np.array([loss / weight, examples, correct, examples])


def subset_accuracy(codes: Codes) -> Correct:
    """1 for examples all of whose outputs are above 0.5 where the code has a one, else 0."""

    def correct(logits: Logits, labels: Labels, mask: Values) -> Values:
        right = (logits > 0) == (jnp.asarray(codes)[labels] > 0.5)
        return right.all(-1).astype(mask.dtype)

    return correct


def micro_precision(codes: Codes, axis_name: str | None) -> Correct:
    """For every example the precision of the batch: what share of all outputs above 0.5 are right.

    It is 0 where none is, as in scikit-learn. With `axis_name` the batch is spread over devices.
    """

    def correct(logits: Logits, labels: Labels, mask: Values) -> Values:
        called = (logits > 0).astype(mask.dtype) * mask[:, None]
        right = called * jnp.asarray(codes)[labels]
        hits, calls = parallel.sum_over_devices((right.sum(), called.sum()), axis_name)
        return jnp.broadcast_to(hits / jnp.maximum(calls, 1), mask.shape)

    return correct
