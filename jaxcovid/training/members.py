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
from jaxcovid.training.losses import Loss
from jaxcovid.training.parts import Parts
from jaxcovid.training.pytrees import BatchStats, LabelTree, Params
from jaxcovid.training.recipe import Rates, learning_rates, update_rule
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


class Apart(NamedTuple):
    """What members do not share that train on different images, as those of folds do.

    `train_labels` are the classes of each one's training images, -1 where another has more; rates
    are as `learning_rates` gives them, by step.
    """

    train_labels: Int[Array | np.ndarray, "*member n"]
    head_rates: Float[Array | np.ndarray, "*member step"]
    backbone_rates: Float[Array | np.ndarray, "*member step"]


# The states of all members: every array has a leading axis for them, parameters that stay are None.
Members = TrainState

# Members, their numbers, a batch, and what they have apart if they do, to what comes of each.
MemberStep = Callable[..., tuple[Members, Totals]]
MemberEvaluation = Callable[..., tuple[Float[Array, "member batch class"], Totals]]


def make_member_step(shared: Shared) -> MemberStep:
    """The training step of all members; every array of the batch has a leading axis for them.

    Members that train on images of their own may have fewer: a batch in which nothing counts leaves
    them as they are.
    """

    def member_step(
        member: TrainState, numbers: Numbers, batch: Batch, apart: Apart | None = None
    ) -> tuple[TrainState, Totals]:
        config = with_numbers(shared.config, numbers)
        step = make_train_step(
            shared.model,
            _loss(shared, config, apart),
            update_rule(config, shared.labels, _rates(shared, config, apart)),
            shared.labels,
            shared.live_norms,
            shared.targets.correct,
            shared.start,
        )
        whole = member._replace(params=combine(member.params, shared.frozen))
        state, totals = step(whole, batch)
        state = state._replace(params=partition(state.params, shared.labels)[0])
        if apart is not None:
            counts = batch.mask.any()
            state = jax.tree.map(lambda new, old: jnp.where(counts, new, old), state, member)
        return state, totals

    return jax.vmap(member_step)


def make_member_evaluation(shared: Shared, each: bool = False) -> MemberEvaluation:
    """The evaluation of all members on the same batch, or of `each` on its own; without dropout."""

    def evaluate(
        member: TrainState, numbers: Numbers, batch: Batch, apart: Apart | None
    ) -> tuple[Float[Array, "batch class"], Totals]:
        loss = _loss(shared, with_numbers(shared.config, numbers), apart)
        step = make_eval_step(shared.model, loss, shared.targets.correct, shared.start)
        return step(combine(member.params, shared.frozen), member.batch_stats, batch)

    mapped = jax.vmap(evaluate, (0, 0, 0 if each else None, 0))
    return lambda members, numbers, batch, apart=None: mapped(members, numbers, batch, apart)


def _loss(shared: Shared, config: Config, apart: Apart | None) -> Loss:
    labels = shared.train_labels if apart is None else apart.train_labels
    return shared.parts.loss(config, shared.targets.codes, labels, None)


def _rates(shared: Shared, config: Config, apart: Apart | None) -> Rates:
    if apart is None:
        return learning_rates(config, len(shared.train_labels))
    head, backbone = apart.head_rates, apart.backbone_rates
    return (lambda step: jnp.asarray(head)[step]), (lambda step: jnp.asarray(backbone)[step])


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
        rates = learning_rates(config, len(shared.train_labels))  # of later steps: none is kept
        update = update_rule(config, shared.labels, rates)
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
