"""A torch state_dict to a Flax variable tree and back, strict both ways."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import numpy as np

from weights_convert.detection import detect
from weights_convert.errors import ConversionError
from weights_convert.names import Entry, Layout
from weights_convert.printable import listed, printable

Tree = dict[str, Any]

MAX_PROBLEMS = 8  # listed one by one
_COUNTER = "num_batches_tracked"


def torch_to_flax(
    state: Mapping[str, np.ndarray],
    entries: Iterable[Entry] | None = None,
    allow_missing: Sequence[str] = (),
) -> Tree:
    """Flax variables `{"params": ..., "batch_stats": ...}` from arrays under torch names.

    `entries` are the network's table; without it the network is the one that the names belong to.
    `num_batches_tracked` is dropped: Flax has no use for it. Names that a glob of `allow_missing`
    matches may be missing or of another shape, and are then left out. Raises ConversionError naming
    every other missing, unknown or wrongly shaped array.
    """
    entries = detect(state) if entries is None else tuple(entries)
    check(state, entries, allow_missing)
    tree: Tree = {}
    for entry in entries:
        if entry.torch in state and np.shape(state[entry.torch]) == entry.shape:
            array = np.asarray(state[entry.torch])
            _set(tree, entry.flax, _CHANGES[entry.layout].to_flax(array, entry))
    return tree


def check(
    state: Mapping[str, np.ndarray], entries: Sequence[Entry], allow_missing: Sequence[str] = ()
) -> None:
    """Compares a state_dict's names and shapes with a network's table.

    Names that a glob of `allow_missing` matches may be missing or of another shape. Raises
    ConversionError naming every other missing, unknown or wrongly shaped array; where there are
    many, the first of each kind and their number.
    """

    def may_differ(name: str) -> bool:
        return any(fnmatchcase(name, glob) for glob in allow_missing)

    names = {entry.torch for entry in entries}
    counters = {
        entry.torch.removesuffix("running_var") + _COUNTER
        for entry in entries
        if entry.torch.endswith(".running_var")
    }
    known = names | counters
    unknown = [name for name in state if name not in known and not may_differ(name)]
    strict = [entry for entry in entries if not may_differ(entry.torch)]
    missing = [entry for entry in strict if entry.torch not in state]
    misshapen = [
        entry
        for entry in strict
        if entry.torch in state and np.shape(state[entry.torch]) != entry.shape
    ]
    if len(unknown) + len(missing) + len(misshapen) > MAX_PROBLEMS:
        raise ConversionError(_counted(unknown, missing, misshapen, len(entries)))
    problems = [f"{printable(name)}: not part of this model" for name in unknown]
    problems += [f"{entry.torch}: missing, expected shape {entry.shape}" for entry in missing]
    problems += [
        f"{entry.torch}: shape {np.shape(state[entry.torch])}, expected {entry.shape}"
        for entry in misshapen
    ]
    if problems:
        raise ConversionError(problems)


def _counted(
    unknown: Sequence[str], missing: Sequence[Entry], misshapen: Sequence[Entry], count: int
) -> list[str]:
    """One sentence for each kind of misfit, and one on how much of the network fits."""
    kinds = (
        ("not part of this model", unknown),
        ("missing", [entry.torch for entry in missing]),
        ("of another shape", [entry.torch for entry in misshapen]),
    )
    problems = [
        f"{len(names):,} arrays are {what}: {listed(names, len(names))}"
        for what, names in kinds
        if names
    ]
    fitting = count - len(missing) - len(misshapen)
    return [*problems, f"{fitting:,} of the network's {count:,} arrays fit"]


def flax_to_torch(
    variables: Mapping[str, Any], entries: Iterable[Entry] | None = None
) -> dict[str, np.ndarray]:
    """Arrays under torch names, in torchvision's order, from Flax variables.

    `entries` are the network's table; without it the network is the one that the paths belong to.
    `num_batches_tracked` is recreated as zero. Raises ConversionError naming every missing, unknown
    or wrongly shaped leaf.
    """
    if entries is None:
        entries = detect(_torch_shaped(variables))
    leaves: dict[tuple[str, ...], Any] = dict(_leaves(variables))
    state: dict[str, np.ndarray] = {}
    problems: list[str] = []
    for entry in entries:
        where = "/".join(entry.flax)
        if entry.flax not in leaves:
            problems.append(f"{where}: missing")
            continue
        array = np.asarray(leaves.pop(entry.flax))
        change = _CHANGES[entry.layout]
        expected = change.flax_shape(entry.shape)
        if array.shape != expected:
            problems.append(f"{where}: shape {array.shape}, expected {expected}")
            continue
        state[entry.torch] = np.ascontiguousarray(change.to_torch(array, entry))
        if entry.torch.endswith(".running_var"):
            counter = entry.torch.removesuffix("running_var") + _COUNTER
            state[counter] = np.zeros((), np.int64)
    problems += [f"{'/'.join(path)}: not part of this model" for path in leaves]
    if problems:
        raise ConversionError(problems)
    return state


def _torch_shaped(variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Flax leaves under names and in shapes like torch's, as far as detection looks at them."""
    state = {}
    for path, leaf in _leaves(variables):
        names = {"kernel": "weight", "scale": "weight"}
        parts = [part.replace("_", ".") for part in path[1:-1]] + [names.get(path[-1], path[-1])]
        array = np.asarray(leaf)
        state[".".join(parts)] = array.T if array.ndim == 2 else array
    return state


class _Change(NamedTuple):
    to_flax: Callable[[np.ndarray, Entry], np.ndarray]
    to_torch: Callable[[np.ndarray, Entry], np.ndarray]
    flax_shape: Callable[[tuple[int, ...]], tuple[int, ...]]


def _flattened_to_flax(array: np.ndarray, entry: Entry) -> np.ndarray:
    channels, height, width = entry.flattened
    array = array.reshape(-1, channels, height, width)
    return array.transpose(2, 3, 1, 0).reshape(height * width * channels, -1)


def _flattened_to_torch(array: np.ndarray, entry: Entry) -> np.ndarray:
    channels, height, width = entry.flattened
    array = array.reshape(height, width, channels, -1)
    return array.transpose(3, 2, 0, 1).reshape(-1, channels * height * width)


_CHANGES = {
    Layout.VECTOR: _Change(lambda array, _: array, lambda array, _: array, tuple),
    Layout.CONV: _Change(
        lambda array, _: array.transpose(2, 3, 1, 0),
        lambda array, _: array.transpose(3, 2, 0, 1),
        lambda shape: (*shape[2:], shape[1], shape[0]),
    ),
    Layout.DENSE: _Change(
        lambda array, _: array.T, lambda array, _: array.T, lambda shape: shape[::-1]
    ),
    Layout.FLATTENED: _Change(_flattened_to_flax, _flattened_to_torch, lambda shape: shape[::-1]),
}


def _set(tree: Tree, path: tuple[str, ...], leaf: np.ndarray) -> None:
    for key in path[:-1]:
        tree = tree.setdefault(key, {})
    tree[path[-1]] = leaf


def _leaves(
    tree: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value
