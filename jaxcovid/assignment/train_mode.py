"""Evaluation in train mode, as the original did it: it never called `.eval()`.

Batch norm takes the statistics of each evaluation batch of a shuffled split, dropout stays on, and
running statistics move.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jaxcovid import parallel
from jaxcovid.config import Config
from jaxcovid.data import loader
from jaxcovid.data.dataset import Split
from jaxcovid.data.loader import Examples, Indices
from jaxcovid.models import Model
from jaxcovid.parallel import Devices
from jaxcovid.results import ORDER
from jaxcovid.training.evaluation import EvalStep, Evaluated, Read, images_of
from jaxcovid.training.losses import Loss
from jaxcovid.training.parts import Evaluation
from jaxcovid.training.pytrees import BatchStats, Params
from jaxcovid.training.step import Batch, Correct, of_all_devices


class Drawn(NamedTuple):
    """A batch, and by how many passes and batches dropout was drawn before, for every example."""

    examples: Examples
    draw: Int[np.ndarray, "batch 2"]


def in_train_mode(moving: bool) -> Evaluation:
    """The evaluation; with `moving` each epoch's validation leaves its running statistics."""
    return Evaluation(functools.partial(_step, moving), reading)


def shuffled(count: int, seed: int) -> Int[np.ndarray, "n"]:
    """The order in which a split of so many images was evaluated."""
    return np.random.default_rng(seed).permutation(count)


def reading(
    config: Config, name: str, split: Split, epoch: int
) -> tuple[Int[np.ndarray, "n"], Read]:
    """The split's images in a shuffled order; every pass and every batch draws dropout anew."""
    passes = epoch * len(ORDER) + ORDER.index(name)

    def read(shares: Sequence[Indices]) -> Iterator[Drawn]:
        for place, examples in enumerate(images_of(split)(shares)):
            draw = np.array([passes, place], np.int32)
            yield Drawn(examples, np.tile(draw, (len(examples.mask), 1)))

    return shuffled(len(split.labels), config.seed), read


def train_mode(
    model: Model, params: Params, batch_stats: BatchStats, batch: Batch, key: PRNGKeyArray
) -> tuple[Float[Array, "batch class"], BatchStats]:
    """Logits, and what running statistics become; dropout is drawn with `key`."""
    norms = frozenset("/".join(path[:-1]) for path in traverse_util.flatten_dict(batch_stats))
    logits, updates = model.apply(
        {"params": params, "batch_stats": batch_stats},
        batch.images,
        train=True,
        live_norms=norms,
        mask=batch.mask,
        mutable=["batch_stats"],
        rngs={"dropout": key},
    )
    assert isinstance(logits, jax.Array)
    return logits, updates.get("batch_stats", {})


def _step(
    moving: bool, model: Model, config: Config, loss: Loss, correct: Correct, devices: Devices
) -> EvalStep:
    def evaluate(params: Params, batch_stats: BatchStats, inputs: Drawn) -> Evaluated:
        batch = _batch(inputs)
        logits, moved = train_mode(model, params, batch_stats, batch, _key(config, inputs))
        return Evaluated(*of_all_devices(model, loss, correct, logits, batch), moved)

    def unmoved(params: Params, batch_stats: BatchStats, inputs: Drawn) -> Evaluated:
        return evaluate(params, batch_stats, inputs)._replace(batch_stats=None)

    split = (False, False, True)
    if moving:
        return parallel.spread(evaluate, devices, split)
    return parallel.spread(unmoved, devices, split)


def _batch(inputs: Drawn) -> Batch:
    examples = inputs.examples
    images = loader.normalise(examples.images)
    return Batch(images, jnp.asarray(examples.labels), jnp.asarray(examples.mask))


def _key(config: Config, inputs: Drawn) -> PRNGKeyArray:
    # A key of its own: that of the state is given away to the first step.
    key = loader.purpose_key(config.seed, loader.DROPOUT)
    return functools.reduce(jax.random.fold_in, inputs.draw[0], key)
