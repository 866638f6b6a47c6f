"""Proof that what was to stay frozen did: a digest of every leaf, before and after."""

import hashlib
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
from flax import traverse_util

from jaxcovid.training.trainable import FROZEN


class FreezeAudit(NamedTuple):
    """The result of comparing two sets of digests."""

    frozen_unchanged: bool
    frozen_leaves: int
    trainable_leaves: int
    trainable_changed: int
    violations: tuple[str, ...]


def audit(before: Mapping[str, str], after: Mapping[str, str], frozen: Collection[str]):
    """Compares digests; every leaf in `frozen` that changed is a violation."""
    violations = tuple(path for path in frozen if before[path] != after[path])
    trainable = [path for path in before if path not in frozen]
    changed = sum(before[path] != after[path] for path in trainable)
    return FreezeAudit(not violations, len(frozen), len(trainable), changed, violations)


def digests(params: Any, batch_stats: Any) -> dict[str, str]:
    """A digest of the bytes, type and shape of every leaf, by path."""
    variables = {"params": params, "batch_stats": batch_stats}
    return {
        path: digest(np.asarray(leaf))
        for path, leaf in traverse_util.flatten_dict(variables, sep="/").items()
    }


def frozen_paths(labels: Any, batch_stats: Any, live_norms: Collection[str]) -> frozenset[str]:
    """Paths of the leaves that training must not change: parameters and running statistics."""
    params = {
        f"params/{path}"
        for path, name in traverse_util.flatten_dict(labels, sep="/").items()
        if name == FROZEN
    }
    stats = {
        f"batch_stats/{path}"
        for path in traverse_util.flatten_dict(batch_stats, sep="/")
        if path.rsplit("/", 1)[0] not in live_norms
    }
    return frozenset(params | stats)


def digest(array: np.ndarray) -> str:
    """Of the bytes, type and shape of an array."""
    hashed = hashlib.blake2b(f"{array.dtype}{array.shape}".encode(), digest_size=16)
    hashed.update(np.ascontiguousarray(array).view(np.uint8).data)
    return hashed.hexdigest()
