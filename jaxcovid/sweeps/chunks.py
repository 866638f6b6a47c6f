"""Which members of a sweep train together: those that one program and the memory can hold."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jaxcovid.config import Config
from jaxcovid.data.dataset import Split
from jaxcovid.training.members import Shared


def alike(members: Sequence[Config]) -> list[list[int]]:
    """The places of members that one program can train: what is zero needs no memory of its own."""
    groups: dict[Any, list[int]] = {}
    for place, member in enumerate(members):
        kind = (member.momentum == 0, member.weight_decay == 0, len(member.focal_alpha))
        groups.setdefault(kind, []).append(place)
    return list(groups.values())


def in_chunks(places: Sequence[int], bytes_each: float, memory_budget: float) -> list[list[int]]:
    """Equal parts that each fit in the budget; at least one member in each."""
    most = max(int(memory_budget // bytes_each), 1)
    count = -(-len(places) // most)
    return [part.tolist() for part in np.array_split(np.array(places), count)]


def memory_of(shared: Shared, trainable: Any, features: Split) -> float:
    """Bytes that a member takes while it trains, about."""
    kept = 1 if shared.config.optimizer == "sgd" else 2
    parameters = sum(leaf.size for leaf in jax.tree.leaves(trainable))
    # Parameters and what the optimizer keeps, before and after the step, and gradients.
    state = 4.0 * parameters * (2 * (1 + kept) + 2)
    batch = 4.0 * shared.config.batch_size * float(np.prod(features.evaluation.shape[1:]))
    # Layers keep their inputs for the way back, convolutions unfolded nine times.
    return state + batch * (4 if shared.start == "head" else 60)
