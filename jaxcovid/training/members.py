"""Many settings and seeds trained at once: what trains is vmapped over members.

All members read the same features of the frozen part, which is computed once for all of them. Every
member makes the very updates that it would make alone.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray

from jaxcovid.config import Config
from jaxcovid.models import Model
from jaxcovid.training.parts import Parts
from jaxcovid.training.pytrees import BatchStats, LabelTree, Params
from jaxcovid.training.recipe import update_rule
from jaxcovid.training.setup import Targets
from jaxcovid.training.step import (
    Batch,
    Totals,
    TrainState,
    make_eval_step,
    make_train_step,
)
from jaxcovid.training.trainable import combine, partition

# What may differ between the members of a program, besides the seed.
VARIED = ("lr", "backbone_lr", "momentum", "weight_decay", "focal_gamma", "focal_alpha")

# The numbers that do differ, by setting: an array with one for each member, or one member's.
Numbers = Mapping[str, Float[Array | np.ndarray, "*member"]]

Tree = TypeVar("Tree")  # any pytree of arrays


class Shared(NamedTuple):
    """What all members have in common; the numbers in `config` are replaced by each member's.

    `start` is the stage that is given the shared features, `frozen` the parameters that stay. The
    loss may want to know how common the classes are, by `train_labels`.
    """

    config: Config
    parts: Parts
    model: Model
    start: str
    labels: LabelTree
    live_norms: frozenset[str]
    targets: Targets
    train_labels: Int[np.ndarray, "n"]
    frozen: Params


# The states of all members: every array has a leading axis for them, parameters that stay are None.
Members = TrainState

# Members, their numbers and a batch that all see, to logits and totals of every member.
MemberEvaluation = Callable[
    [Members, Numbers, Batch], tuple[Float[Array, "member batch class"], Totals]
]


def make_member_step(
    shared: Shared,
) -> Callable[[Members, Numbers, Batch], tuple[Members, Totals]]:
    """The training step of all members; every array of the batch has a leading axis for them."""

    def member_step(
        member: TrainState, numbers: Numbers, batch: Batch
    ) -> tuple[TrainState, Totals]:
        config = with_numbers(shared.config, numbers)
        step = make_train_step(
            shared.model,
            shared.parts.loss(config, shared.targets.codes, shared.train_labels, None),
            update_rule(config, shared.labels, len(shared.train_labels)),
            shared.labels,
            shared.live_norms,
            shared.targets.correct,
            shared.start,
        )
        whole = member._replace(params=combine(member.params, shared.frozen))
        state, totals = step(whole, batch)
        return state._replace(params=partition(state.params, shared.labels)[0]), totals

    return jax.vmap(member_step)


def make_member_evaluation(shared: Shared) -> MemberEvaluation:
    """The evaluation of all members on the same batch, without dropout."""

    def evaluate(
        member: TrainState, numbers: Numbers, batch: Batch
    ) -> tuple[Float[Array, "batch class"], Totals]:
        config = with_numbers(shared.config, numbers)
        loss = shared.parts.loss(config, shared.targets.codes, shared.train_labels, None)
        step = make_eval_step(shared.model, loss, shared.targets.correct, shared.start)
        return step(combine(member.params, shared.frozen), member.batch_stats, batch)

    return jax.vmap(evaluate, (0, 0, None))


def first_members(
    shared: Shared,
    numbers: Numbers,
    trainable: Params,
    batch_stats: BatchStats,
    keys: Key[Array, "member"],
) -> Members:
    """The members before their first step; arrays of all arguments have a leading axis for them.

    `keys` are those of dropout.
    """

    def first(
        trainable: Params, batch_stats: BatchStats, numbers: Numbers, key: PRNGKeyArray
    ) -> TrainState:
        config = with_numbers(shared.config, numbers)
        update = update_rule(config, shared.labels, len(shared.train_labels))
        step = jnp.zeros((), jnp.int32)
        return TrainState(step, trainable, batch_stats, update.init(trainable), key)

    return jax.vmap(first)(trainable, batch_stats, numbers, keys)


def finite(members: Members) -> Bool[Array, "member"]:
    """Which members hold finite parameters and running statistics only."""
    leaves = jax.tree.leaves((members.params, members.batch_stats))
    return jnp.stack([jnp.isfinite(leaf).reshape(len(leaf), -1).all(1) for leaf in leaves]).all(0)


def with_numbers(config: Config, numbers: Numbers) -> Config:
    """Settings with one member's numbers in place of those of `config`; they may be traced."""
    # The constructor's types know no traced numbers.
    copied = copy.copy(config)
    for name, number in numbers.items():
        object.__setattr__(copied, name, (number,) if name == "focal_alpha" else number)
    return copied


def numbers_of(members: Sequence[Config]) -> dict[str, Float[np.ndarray, "member"]]:
    """The numbers among VARIED in which these members differ, by setting.

    What they have in common is left out, so that it stays a constant of the program.
    """
    numbers = {}
    for name in VARIED:
        values = [getattr(member, name) for member in members]
        if len(set(values)) > 1:
            if name == "focal_alpha":
                values = [value for (value,) in values]
            numbers[name] = np.array(values, np.float32)
    return numbers


def stacked(trees: Sequence[Tree]) -> Tree:
    """Trees of one structure as a single one, whose arrays have a leading axis for them."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def row(tree: Tree, place: int) -> Tree:
    """The tree of the member at that place of the arrays' leading axis."""
    return jax.tree.map(lambda leaf: leaf[place], tree)
