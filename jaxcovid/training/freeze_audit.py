"""Proof that what was to stay frozen did: a digest of every leaf, before and after."""

import hashlib
from collections.abc import Collection, Mapping

import numpy as np
from flax import traverse_util

from jaxcovid.results import FreezeAudit
from jaxcovid.training.pytrees import BatchStats, LabelTree, Params
from jaxcovid.training.trainable import FROZEN


def audit(
    before: Mapping[str, str], after: Mapping[str, str], frozen: Collection[str]
) -> FreezeAudit:
    """Compares digests of all leaves, by path; a leaf in `frozen` that changed is a violation.

    `before` and `after` are as `digests` gives them, `frozen` as `frozen_paths` does.
    """
    violations = tuple(path for path in frozen if before[path] != after[path])
    trainable = [path for path in before if path not in frozen]
    changed = sum(before[path] != after[path] for path in trainable)
    return FreezeAudit(not violations, len(frozen), len(trainable), changed, violations)


def digests(params: Params, batch_stats: BatchStats) -> dict[str, str]:
    """A digest of every leaf, by its path: "params/..." or "batch_stats/...", with slashes."""
    variables = {"params": params, "batch_stats": batch_stats}
    return {
        path: digest(np.asarray(leaf))
        for path, leaf in traverse_util.flatten_dict(variables, sep="/").items()
    }


def frozen_paths(
    labels: LabelTree, batch_stats: BatchStats, live_norms: Collection[str]
) -> frozenset[str]:
    """Paths of the leaves that training must not change, as in `digests`.

    They are the parameters that `labels` call frozen, and the running statistics of all batch norms
    but those in `live_norms` (paths with slashes).
    """
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
    """A digest (BLAKE2b, 128 bits) of the bytes, type and shape of an array, in hexadecimal."""
    hashed = hashlib.blake2b(f"{array.dtype}{array.shape}".encode(), digest_size=16)
    hashed.update(np.ascontiguousarray(array).view(np.uint8).data)
    return hashed.hexdigest()
