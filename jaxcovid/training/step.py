"""One step of training, one of evaluation: pure functions of the state and a batch."""

from collections.abc import Callable
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jaxcovid import parallel
from jaxcovid.models import Ensemble, Model
from jaxcovid.training.losses import Loss
from jaxcovid.training.pytrees import BatchStats, LabelTree, Params, Variables
from jaxcovid.training.trainable import combine, partition


class TrainState(NamedTuple):
    """Everything that training changes, and the key that its randomness comes from."""

    step: Int[Array, ""]
    params: Params
    batch_stats: BatchStats
    opt_state: optax.OptState
    key: PRNGKeyArray


class Batch(NamedTuple):
    """Normalised images, their classes, and 1 for examples that count or 0 for padding."""

    images: Float[Array, "batch height width channel"]
    labels: Int[Array, "batch"]
    mask: Float[Array, "batch"]


class Totals(NamedTuple):
    """Sums over examples, so that totals of batches add up."""

    loss: Float[Array, ""]
    weight: Float[Array, ""]  # what the sum of losses is to be divided by
    correct: Float[Array, ""]
    examples: Float[Array, ""]


# What of a network's outputs is compared between classes: the largest is the answer.
Scores = Callable[[Float[Array, "batch class"]], Float[Array, "batch class"]]

# (logits, labels, mask) to how right the answer to each example is, from 0 to 1.
Correct = Callable[
    [Float[Array, "batch class"], Int[Array, "batch"], Float[Array, "batch"]],
    Float[Array, "batch"],
]


def as_they_are(logits: Float[Array, "batch class"]) -> Float[Array, "batch class"]:
    """The scores where every output stands for one class: the logits themselves."""
    return logits


def largest_is_right(
    scores: Float[Array, "batch class"], labels: Int[Array, "batch"], mask: Float[Array, "batch"]
) -> Float[Array, "batch"]:
    """1 where the largest score is that of the example's class, else 0."""
    return (scores.argmax(-1) == labels).astype(mask.dtype)


def make_train_step(
    model: Model,
    loss: Loss,
    optimizer: optax.GradientTransformation,
    labels: LabelTree,
    live_norms: frozenset[str],
    correct: Correct = largest_is_right,
    start: str | None = None,
) -> Callable[[TrainState, Batch], tuple[TrainState, Totals]]:
    """The training step for a model whose parameters carry `labels`, as `label` gives them.

    With `start`, batches hold what the frozen stages before that one put out instead of images. If
    the model has an `axis_name`, this is what one device does with its share of the batch: all see
    the same sums, so all make the same update.
    """

    def train_step(state: TrainState, batch: Batch) -> tuple[TrainState, Totals]:
        # Differentiating only the trainable part leaves no gradient of the frozen one to compute.
        trainable, frozen = partition(state.params, labels)

        def share_of_mean_loss(
            trainable: Params,
        ) -> tuple[Float[Array, ""], tuple[BatchStats, Totals]]:
            logits, updates = model.apply(
                {"params": combine(trainable, frozen), "batch_stats": state.batch_stats},
                batch.images,
                train=True,
                live_norms=live_norms,
                mask=batch.mask,
                mutable=["batch_stats"],
                rngs={"dropout": jax.random.fold_in(state.key, state.step)},
                start=start or model.stages[0],
            )
            totals = total(loss, correct, logits, batch)
            weight = parallel.sum_over_devices(totals.weight, model.axis_name)
            return totals.loss / weight, (updates.get("batch_stats", {}), totals)

        shares, (batch_stats, totals) = jax.grad(share_of_mean_loss, has_aux=True)(trainable)
        gradients, totals = parallel.sum_over_devices((shares, totals), model.axis_name)
        updates, opt_state = optimizer.update(gradients, state.opt_state, trainable)
        params = combine(optax.apply_updates(trainable, updates), frozen)
        return TrainState(state.step + 1, params, batch_stats, opt_state, state.key), totals

    return train_step


def make_eval_step(
    model: Model | Ensemble,
    loss: Loss,
    correct: Correct = largest_is_right,
    start: str | None = None,
) -> Callable[[Params, BatchStats, Batch], tuple[Float[Array, "batch class"], Totals]]:
    """The evaluation step: logits and totals, with running statistics and without dropout.

    If the model has an `axis_name`, every device returns the logits of the whole batch.
    """

    def eval_step(
        params: Params, batch_stats: BatchStats, batch: Batch
    ) -> tuple[Float[Array, "batch class"], Totals]:
        variables = {"params": params, "batch_stats": batch_stats}
        logits = model.apply(variables, batch.images, start=start or model.stages[0])
        return of_all_devices(model, loss, correct, cast(Array, logits), batch)

    return eval_step


def of_all_devices(
    model: Model | Ensemble,
    loss: Loss,
    correct: Correct,
    logits: Float[Array, "share class"],
    batch: Batch,
) -> tuple[Float[Array, "batch class"], Totals]:
    """Logits and totals of the whole batch, from those of this device's share of it."""
    totals = parallel.sum_over_devices(total(loss, correct, logits, batch), model.axis_name)
    if model.axis_name is not None:
        logits = lax.all_gather(logits, model.axis_name, tiled=True)
    return logits, totals


def init_state(
    variables: Variables,
    optimizer: optax.GradientTransformation,
    labels: LabelTree,
    key: PRNGKeyArray,
) -> TrainState:
    """The state before the first step; `key` is that of dropout in all steps."""
    params = variables["params"]
    opt_state = optimizer.init(partition(params, labels)[0])
    return TrainState(
        jnp.zeros((), jnp.int32), params, variables.get("batch_stats", {}), opt_state, key
    )


def total(
    loss: Loss, correct: Correct, logits: Float[Array, "batch class"], batch: Batch
) -> Totals:
    """Sums over the examples of a batch whose mask is 1."""
    values, weights = loss(logits, batch.labels, batch.mask)
    right = correct(logits, batch.labels, batch.mask)
    return Totals(
        (values * batch.mask).sum(),
        (weights * batch.mask).sum(),
        (right * batch.mask).sum(),
        batch.mask.sum(),
    )
