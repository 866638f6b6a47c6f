"""Finds the state_dict in what people really save."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from weights_convert.errors import FormatError
from weights_convert.network_names import MAX_NAME, choose, entry_names, networks, no_entry
from weights_convert.printable import brief, listed, printable
from weights_convert.pth.beside import Inert
from weights_convert.pth.machine import Global
from weights_convert.pth.tensors import Tensor, Unread

# Keys under which checkpoints keep the weights, the most telling first.
KEYS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "module",
        "weights")  # fmt: skip
# How deep a state_dict may lie: {"ema": {"shadow": state_dict}}.
_DEPTH = 2
MAX_NOTES = 8  # of what is beside the weights
# Names of what is in a state_dict and is no weight of the network: figures of counters of
# operations, what losses and metrics remember.
_ASIDE = {"total_ops", "total_params", "criterion", "loss_fn", "_extra_state", "n_averaged"}
_OF_LAYERS = (".weight", ".bias", ".running_mean", ".running_var")


class _State(NamedTuple):
    """A dict that holds tensors by name, and where it lies."""

    where: str
    values: dict[str, Any]


def unwrap(root: Any, entry: str | None = None) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors by name, and notes on what was unwrapped or left aside.

    `entry` is the key, or the first part of names, under which they lie, where there are several;
    else the one that people expect is taken. Raises FormatError.
    """
    if not isinstance(root, dict):
        raise FormatError(f"it holds {describe(root)}, not a state_dict")
    states = list(_states(root))
    if not states:
        raise FormatError(
            "it holds no state_dict, neither itself nor under "
            f"{', '.join(KEYS)}; it has {describe(root)}"
        )
    state, entry = _chosen_state(states, entry)
    notes = []
    if state.where:
        notes.append(f"weights taken from {brief(state.where)}")
        notes += _beside(root, state.where.split(".")[0])
    others = [other.where for other in states if other is not state and networks(other.values)]
    notes += [f"{brief(other)} holds weights too; it is taken if named as the entry"
              for other in others[:MAX_NOTES]]  # fmt: skip
    arrays, further = pick(state.values, entry)
    return arrays, (*notes, *further)


def pick(
    values: Mapping[str, Any], entry: str | None = None
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What are weights among named values, without the prefix that all of them share, and notes.

    `entry` is the prefix to choose where there are several. Raises FormatError.
    """
    for name in values:
        if len(name) > MAX_NAME:
            raise FormatError(f"its name {brief(name)} is {len(name):,} characters long")
    chosen = choose(values, entry)
    aside: dict[str, Any] = dict(chosen.outside)
    arrays = {}
    for name, value in chosen.inside.items():
        if isinstance(value, Unread) and name.endswith(_OF_LAYERS):
            raise FormatError(
                f"its weights {printable(name)} hold {printable(value.kind)}, which is not read; "
                "save them as float32"
            )
        if not _is_array(value) or not _ASIDE.isdisjoint(name.split(".")):
            aside[name] = value
        else:
            arrays[name] = value
    if not arrays:
        name, value = next(iter(aside.items()), ("nothing", None))
        raise FormatError(f"it holds no weights that are read: {brief(name)} is {describe(value)}")
    notes = list(chosen.notes)
    if aside:
        names = [f"{brief(name)} ({describe(value)})" for name, value in list(aside.items())[:4]]
        notes.append(f"left aside: {listed(names, len(aside))}")
    return arrays, tuple(notes)


def _is_array(value: Any) -> bool:
    return not isinstance(value, Unread | Inert) and hasattr(value, "size")


def _states(root: dict) -> Iterator[_State]:
    """The dicts of tensors by name, from the outside in, each once."""
    seen: set[int] = set()
    level = [_State("", root)]
    for depth in range(_DEPTH + 1):
        inner = []
        for where, values in level:
            if id(values) in seen:
                continue
            seen.add(id(values))
            if _is_state(values):
                yield _State(where, values)
            inner += [
                _State(f"{where}.{key}" if where else key, value)
                for key, value in values.items()
                if type(value) is dict and isinstance(key, str) and len(key) <= MAX_NAME
            ]
        level = inner if depth < _DEPTH else []


def _is_state(values: dict) -> bool:
    return (
        any(isinstance(value, Tensor | Unread) for value in values.values())
        and all(isinstance(key, str) for key in values)
    )  # fmt: skip


def _is_pure(values: dict) -> bool:
    return all(isinstance(value, Tensor | Unread) for value in values.values())


def _chosen_state(states: list[_State], entry: str | None) -> tuple[_State, str | None]:
    """The state to take, and the entry if it remains to be looked for in the names."""
    if entry is not None:
        named = [state for state in states if entry in (state.where, *state.where.split("."))]
        inside = [state for state in states if entry in entry_names(state.values)]
        if not (named or inside):
            known = [state.where for state in states if state.where]
            known += [name for state in states for name in entry_names(state.values)]
            raise no_entry(entry, known)
        return (named[0], None) if named else (inside[0], entry)
    recognised = [state for state in states if networks(state.values)]
    pure = [state for state in states if _is_pure(state.values)]
    candidates = recognised or pure or states[:1]
    outer = min(candidates, key=_rank)
    equal = [state for state in candidates if _rank(state) == _rank(outer)]
    if len(equal) > 1:
        names = [state.where for state in equal]
        raise FormatError(
            f"it holds several state_dicts ({listed(names, len(names))}); choose one as the entry "
            "(--entry, of a run --weights-entry)"
        )
    return outer, None


def _rank(state: _State) -> int:
    keys = ("", *KEYS)
    first = state.where.split(".")[0]
    return keys.index(first) if first in keys else len(keys)


def _beside(root: dict, taken: str) -> list[str]:
    others = [(key, value) for key, value in root.items() if key != taken]
    notes = [f"beside them: {brief(key)}, {describe(value)}" for key, value in others[:MAX_NOTES]]
    if len(others) > MAX_NOTES:
        notes.append(f"beside them: {len(others) - MAX_NOTES:,} more")
    return notes


def describe(value: Any) -> str:
    """What a value from a file is, in a few words, however large it is."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {value.size}"
    if isinstance(value, Unread):
        shape = f" of shape {value.size}" if value.size is not None else ""
        return f"a tensor of {printable(value.kind, 40)}{shape}"
    if isinstance(value, Inert):
        return f"{'an' if value.name[0] in 'aeiou' else 'a'} {value.name}"
    if isinstance(value, Global):
        return f"the name {value.module}.{value.name}"
    if isinstance(value, dict):
        keys = [brief(key) for key in list(value)[:4]]
        return f"a dict of {len(value):,} items ({listed(keys, len(value))})"
    if type(value) in (list, tuple):
        return f"a {type(value).__name__} of {len(value):,} items"
    if hasattr(value, "shape"):
        return f"an array of shape {value.shape}"
    return brief(value)
