"""Which parameters train: a selection becomes labels, labels split the parameters."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import jax
import optax
from flax import traverse_util

from jaxcovid.errors import InputError
from weights_convert.names import HEADS, Entry

# Labels of parameters, also the keys of optax.multi_transform.
HEAD, BACKBONE, FROZEN = "head", "backbone", "frozen"

SELECTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "resnet18": {
        "head": ("fc.*",),
        "last_conv": ("layer4.1.conv2.*", "layer4.1.bn2.*", "fc.*"),
        "last_block": ("layer4.*", "fc.*"),
        "all": ("*",),
    },
    "vgg16": {
        "head": ("classifier.*",),
        "last_conv": ("features.28.*", "classifier.*"),
        "last_block": ("features.24.*", "features.26.*", "features.28.*", "classifier.*"),
        "all": ("*",),
    },
}


def label(params: Mapping[str, Any], model: str, selection: str, entries: Sequence[Entry]) -> Any:
    """A tree like `params` with the label "head", "backbone" or "frozen" at every leaf.

    `selection` is comma-separated: keys of SELECTIONS and globs over torchvision's names. Raises
    InputError naming every glob that matches nothing.
    """
    names = {entry.flax[1:]: entry.torch for entry in entries if entry.flax[0] == "params"}
    paths = list(traverse_util.flatten_dict(params))
    parts = [part.strip() for part in selection.split(",") if part.strip()]
    globs = [glob for part in parts for glob in SELECTIONS[model].get(part, (part,))]
    unmatched = [
        glob for glob in globs if not any(fnmatchcase(names[path], glob) for path in paths)
    ]
    if unmatched:
        raise InputError(
            [
                f"--trainable: {glob!r} matches no parameter of {model}; use "
                f"{', '.join(SELECTIONS[model])}, or names such as {names[paths[0]]}"
                for glob in unmatched
            ]
        )

    def label_of(name: str) -> str:
        if not any(fnmatchcase(name, glob) for glob in globs):
            return FROZEN
        return HEAD if name.startswith(f"{HEADS[model]}.") else BACKBONE

    return traverse_util.unflatten_dict({path: label_of(names[path]) for path in paths})


def partition(params: Any, labels: Any) -> tuple[Any, Any]:
    """The trainable and the frozen parameters, each with None in place of the others."""
    trainable = jax.tree.map(lambda leaf, name: None if name == FROZEN else leaf, params, labels)
    frozen = jax.tree.map(lambda leaf, name: leaf if name == FROZEN else None, params, labels)
    return trainable, frozen


def combine(trainable: Any, frozen: Any) -> Any:
    """Undoes `partition`."""
    return jax.tree.map(
        lambda one, other: other if one is None else one,
        trainable,
        frozen,
        is_leaf=lambda leaf: leaf is None,
    )


def live_norms(batch_stats: Mapping[str, Any], labels: Any, batch_norm: str) -> frozenset[str]:
    """Paths of the batch norms that use and update the batch's statistics while training.

    With "frozen" those with a trainable parameter of their own, with "batch" all.
    """
    norms = {path[:-1] for path in traverse_util.flatten_dict(batch_stats)}
    if batch_norm == "frozen":
        trained = {
            path[:-1] for path, name in traverse_util.flatten_dict(labels).items() if name != FROZEN
        }
        norms &= trained
    return frozenset("/".join(path) for path in norms)


def freeze(
    head: optax.GradientTransformation, backbone: optax.GradientTransformation, labels: Any
) -> optax.GradientTransformation:
    """An optimizer for each label; frozen leaves get no update and need no gradient (None)."""
    return optax.multi_transform(
        {HEAD: head, BACKBONE: backbone, FROZEN: optax.set_to_zero()}, labels
    )


class PlanRow(NamedTuple):
    """What becomes of one block in training."""

    block: str
    state: str
    parameters: int
    trainable: int
    batch_norm: str


def plan(params: Mapping[str, Any], labels: Any, norms: frozenset[str]) -> list[PlanRow]:
    """One row per block, in the order in which images pass."""
    flat: Any = traverse_util.flatten_dict(params)
    sizes = {path: leaf.size for path, leaf in flat.items()}
    flat_labels = traverse_util.flatten_dict(labels)
    rows = []
    for block in sorted({path[0] for path in sizes}, key=_position):
        members = [path for path in sizes if path[0] == block]
        total = sum(sizes[path] for path in members)
        trained = sum(sizes[path] for path in members if flat_labels[path] != FROZEN)
        state = "trainable" if trained == total else "partly" if trained else "frozen"
        own = {"/".join(path[:-1]) for path in members if path[-1] == "scale"}
        if own:
            live = len(own & norms)
            kind = "batch" if live == len(own) else "running" if not live else "mixed"
        else:
            kind = "-"
        rows.append(PlanRow(block, state, total, trained, kind))
    return rows


def _position(block: str) -> tuple[int, list[int]]:
    stem, *numbers = block.replace("layer", "layer_").split("_")
    order = ("conv1", "bn1", "layer", "features", "fc", "classifier")
    return order.index(stem), [int(number) for number in numbers]
