"""Which parameters train: a selection becomes labels, labels split the parameters."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import cast

import jax
import optax
from flax import traverse_util
from jaxtyping import Array

from jaxcovid import models
from jaxcovid.errors import InputError
from jaxcovid.results import PlanRow
from jaxcovid.training.pytrees import BatchStats, LabelTree, Params
from weights_convert import ARCHITECTURES, Entry

# Labels of parameters, also the keys of optax.multi_transform.
HEAD, BACKBONE, FROZEN = "head", "backbone", "frozen"


def label(params: Params, model: str, selection: str, entries: Sequence[Entry]) -> LabelTree:
    """A tree like `params` with the label "head", "backbone" or "frozen" at every leaf.

    `selection` is comma-separated: names of the network's selections in `models.MODELS`, and globs
    over torchvision's names, which `entries` pair with Flax paths. Raises InputError naming every
    glob that matches nothing.
    """
    names = {entry.flax[1:]: entry.torch for entry in entries if entry.flax[0] == "params"}
    paths = list(traverse_util.flatten_dict(params))
    parts = [part.strip() for part in selection.split(",") if part.strip()]
    selections = models.MODELS[model].selections
    globs = [glob for part in parts for glob in selections.get(part, (part,))]
    unmatched = [
        glob for glob in globs if not any(fnmatchcase(names[path], glob) for path in paths)
    ]
    if unmatched:
        raise InputError(
            [
                f"`trainable`: {glob!r} matches no parameter of {model}; use "
                f"{', '.join(selections)}, or names such as {names[paths[0]]}"
                for glob in unmatched
            ]
        )

    def label_of(name: str) -> str:
        if not any(fnmatchcase(name, glob) for glob in globs):
            return FROZEN
        return HEAD if name.startswith(f"{ARCHITECTURES[model].head}.") else BACKBONE

    return traverse_util.unflatten_dict({path: label_of(names[path]) for path in paths})


def partition(params: Params, labels: LabelTree) -> tuple[Params, Params]:
    """The trainable and the frozen parameters, each with None in place of the others."""
    trainable = jax.tree.map(lambda leaf, name: None if name == FROZEN else leaf, params, labels)
    frozen = jax.tree.map(lambda leaf, name: leaf if name == FROZEN else None, params, labels)
    return trainable, frozen


def combine(trainable: Params, frozen: Params) -> Params:
    """The parameters that `partition` split into trainable and frozen ones."""
    return jax.tree.map(
        lambda one, other: other if one is None else one,
        trainable,
        frozen,
        is_leaf=lambda leaf: leaf is None,
    )


def live_norms(batch_stats: BatchStats, labels: LabelTree, batch_norm: str) -> frozenset[str]:
    """Paths of the batch norms that use and update the batch's statistics while training.

    `batch_norm` is the setting: with "frozen" those of which a parameter trains, with "batch" all.
    """
    norms = {path[:-1] for path in traverse_util.flatten_dict(batch_stats)}
    if batch_norm == "frozen":
        trained = {
            path[:-1] for path, name in traverse_util.flatten_dict(labels).items() if name != FROZEN
        }
        norms &= trained
    return frozenset("/".join(path) for path in norms)


def freeze(
    head: optax.GradientTransformation,
    backbone: optax.GradientTransformation,
    labels: LabelTree,
) -> optax.GradientTransformation:
    """`head` and `backbone` for the leaves of these labels, as optax.multi_transform applies them.

    Frozen leaves get no update and need no gradient: there it may be None.
    """
    return optax.multi_transform(
        {HEAD: head, BACKBONE: backbone, FROZEN: optax.set_to_zero()}, labels
    )


def plan(
    params: Params, labels: LabelTree, norms: frozenset[str], entries: Sequence[Entry]
) -> list[PlanRow]:
    """One row per block of layers, in the order of `entries`: that in which images pass.

    `norms` are the paths of live batch norms.
    """
    flat = cast(Mapping[tuple[str, ...], Array], traverse_util.flatten_dict(params))
    sizes = {path: leaf.size for path, leaf in flat.items()}
    flat_labels = traverse_util.flatten_dict(labels)
    rows = []
    for block in dict.fromkeys(entry.flax[1] for entry in entries):
        members = [path for path in sizes if path[0] == block]
        total = sum(sizes[path] for path in members)
        trained = sum(sizes[path] for path in members if flat_labels[path] != FROZEN)
        state = "trainable" if trained == total else "partly" if trained else "frozen"
        block_norms = {"/".join(path[:-1]) for path in members if path[-1] == "scale"}
        if block_norms:
            live = len(block_norms & norms)
            kind = "batch" if live == len(block_norms) else "running" if not live else "mixed"
        else:
            kind = "-"
        rows.append(PlanRow(block, state, total, trained, kind))
    return rows
