"""Many settings and seeds trained at once: what trains is vmapped over members.

All members read the same features of the frozen part, which is computed once for all of them. Every
member makes the very updates that it would make alone.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxcovid.config import Config
from jaxcovid.models import Model
from jaxcovid.training.losses import Codes
from jaxcovid.training.recipe import loss_function, update_rule
from jaxcovid.training.step import (
    Batch,
    Scores,
    Totals,
    TrainState,
    make_eval_step,
    make_train_step,
)
from jaxcovid.training.trainable import combine, partition

# What may differ between the members of a program, besides the seed.
VARIED = ("lr", "backbone_lr", "momentum", "weight_decay", "focal_gamma", "focal_alpha")

# The numbers that do differ: an array with one for each member.
Numbers = Mapping[str, Any]


class Shared(NamedTuple):
    """What all members have in common; the numbers in `config` are replaced by each one's own."""

    config: Config
    model: Model
    start: str
    labels: Any
    live_norms: frozenset[str]
    outputs: Codes
    scores: Scores
    # As the loss may want to know how common the classes are.
    train_labels: Int[np.ndarray, "n"]
    # The parameters that stay.
    frozen: Any


class Members(NamedTuple):
    """What training changes, each array with a leading axis for the members."""

    step: Int[Array, "member"]
    trainable: Any
    batch_stats: Any
    opt_state: Any
    key: Any


def make_member_step(
    shared: Shared,
) -> Callable[[Members, Numbers, Batch], tuple[Members, Totals]]:
    """The training step of all members, each on its own row of the batch."""

    def one(member: Members, numbers: Numbers, batch: Batch) -> tuple[Members, Totals]:
        config = with_numbers(shared.config, numbers)
        step = make_train_step(
            shared.model,
            loss_function(config, shared.outputs, shared.train_labels, None),
            update_rule(config, shared.labels, len(shared.train_labels)),
            shared.labels,
            shared.live_norms,
            shared.scores,
            shared.start,
        )
        params = combine(member.trainable, shared.frozen)
        state, totals = step(TrainState(member.step, params, *member[2:]), batch)
        trainable, _ = partition(state.params, shared.labels)
        return Members(state.step, trainable, *state[2:]), totals

    return jax.vmap(one)


def make_member_evaluation(
    shared: Shared,
) -> Callable[[Members, Numbers, Batch], tuple[Float[Array, "member batch class"], Totals]]:
    """Logits and totals of all members on the same batch."""

    def one(member: Members, numbers: Numbers, batch: Batch) -> Any:
        config = with_numbers(shared.config, numbers)
        loss = loss_function(config, shared.outputs, shared.train_labels, None)
        step = make_eval_step(shared.model, loss, shared.scores, shared.start)
        return step(combine(member.trainable, shared.frozen), member.batch_stats, batch)

    return jax.vmap(one, (0, 0, None))


def first_members(
    shared: Shared, numbers: Numbers, trainable: Any, batch_stats: Any, keys: Any
) -> Members:
    """The members before their first step; all arguments have a leading axis for them."""

    def one(trainable: Any, batch_stats: Any, numbers: Numbers, key: Any) -> Members:
        config = with_numbers(shared.config, numbers)
        update = update_rule(config, shared.labels, len(shared.train_labels))
        step = jnp.zeros((), jnp.int32)
        return Members(step, trainable, batch_stats, update.init(trainable), key)

    return jax.vmap(one)(trainable, batch_stats, numbers, keys)


def finite(members: Members) -> Bool[Array, "member"]:
    """Which members hold finite numbers only."""
    leaves = jax.tree.leaves((members.trainable, members.batch_stats))
    each = [jnp.isfinite(leaf).reshape(len(leaf), -1).all(1) for leaf in leaves]
    return jnp.stack(each).all(0)


def with_numbers(config: Config, numbers: Mapping[str, Any]) -> Config:
    """A member's settings; its numbers may be traced."""
    own = dict(numbers)
    if "focal_alpha" in own:
        own["focal_alpha"] = (own["focal_alpha"],)
    # The constructor's types know no traced numbers.
    copied = copy.copy(config)
    for name, value in own.items():
        object.__setattr__(copied, name, value)
    return copied


def numbers_of(members: Sequence[Config]) -> dict[str, Float[np.ndarray, "member"]]:
    """The numbers in which these members differ; what they have in common stays a constant."""
    found = {}
    for name in VARIED:
        values = [getattr(member, name) for member in members]
        if len(set(values)) > 1:
            if name == "focal_alpha":
                values = [value for (value,) in values]
            found[name] = np.array(values, np.float32)
    return found


def stacked(trees: Sequence[Any]) -> Any:
    """Trees of one structure as one, with a leading axis for them."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def row(tree: Any, place: int) -> Any:
    """What of it is one member's."""
    return jax.tree.map(lambda leaf: leaf[place], tree)
