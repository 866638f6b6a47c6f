"""Which members of a sweep train together: those that one program and the memory can hold."""

from collections.abc import Sequence

import jax
import numpy as np

from jaxcovid.config import Config
from jaxcovid.training.frozen_features import Features
from jaxcovid.training.members import Shared
from jaxcovid.training.pytrees import Params


def alike_members(members: Sequence[Config]) -> list[list[int]]:
    """The places of members, in groups that one program can train.

    Members with momentum and without differ in what the optimizer keeps, so do those with weight
    decay; `focal_alpha` is one number or one for each class.
    """
    groups: dict[tuple[bool, bool, int], list[int]] = {}
    for place, member in enumerate(members):
        kind = (member.momentum == 0, member.weight_decay == 0, len(member.focal_alpha))
        groups.setdefault(kind, []).append(place)
    return list(groups.values())


def member_chunks(
    places: Sequence[int], member_bytes: float, memory_budget: float
) -> list[list[int]]:
    """Places of members in parts of about one size that fit in the budget, both in bytes.

    `member_bytes` is what a member takes; a part has one member at least, whatever it takes.
    """
    most = max(int(memory_budget // member_bytes), 1)
    count = -(-len(places) // most)
    return [part.tolist() for part in np.array_split(np.array(places), count)]


def member_memory(shared: Shared, trainable: Params, features: Features) -> float:
    """How many bytes a member takes while it trains, about.

    `trainable` are the parameters that train, `features` those of a split that all members share.
    """
    kept = 1 if shared.config.optimizer == "sgd" else 2
    parameters = sum(leaf.size for leaf in jax.tree.leaves(trainable))
    # Parameters and what the optimizer keeps, before and after the step, and gradients; and as they
    # were after the best epoch.
    state = 4.0 * parameters * (2 * (1 + kept) + 2 + (1 + kept))
    batch = 4.0 * shared.config.batch_size * float(np.prod(features.evaluation.shape[1:]))
    # Layers keep their inputs for the way back, convolutions unfolded nine times.
    return state + batch * (4 if shared.start == "head" else 60)
