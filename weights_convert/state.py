"""Finds the state_dict in what people really save."""

from collections.abc import Mapping
from typing import Any

from weights_convert.errors import FormatError
from weights_convert.pth.dialect import Inert
from weights_convert.pth.tensors import Tensor

# Keys under which checkpoints keep the weights, the most telling first.
KEYS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights")
# What wrappers put before every name.
PREFIXES = ("module.", "_orig_mod.")


def unwrap(root: Any) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors by name, and notes on what was unwrapped or left aside. Raises FormatError."""
    if not isinstance(root, dict):
        raise FormatError(f"it holds {_describe(root)}, not a state_dict")
    notes: list[str] = []
    state, where = root, ""
    if not _is_state(root):
        where = next((key for key in KEYS if _is_state(root.get(key))), "")
        if not where:
            raise FormatError(
                "it holds no state_dict, neither itself nor under "
                f"{', '.join(KEYS)}; it has {_describe(root)}"
            )
        state = root[where]
        notes.append(f"weights taken from {where!r}")
        notes += [
            f"beside them: {key!r}, {_describe(value)}"
            for key, value in root.items()
            if key != where
        ]
    stripped, prefix = _strip(state)
    if prefix:
        notes.append(f"prefix {prefix!r} removed from every name")
    return stripped, tuple(notes)


def _is_state(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(key, str) and isinstance(item, Tensor) for key, item in value.items())
    )


def _strip(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    removed = ""
    names = list(state)
    while prefix := next(
        (prefix for prefix in PREFIXES if all(name.startswith(prefix) for name in names)), ""
    ):
        names = [name.removeprefix(prefix) for name in names]
        removed += prefix
    return dict(zip(names, state.values(), strict=True)), removed


def _describe(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {value.size}"
    if isinstance(value, Inert):
        return f"a {value.name}"
    if isinstance(value, dict):
        keys = ", ".join(repr(key)[:40] for key in list(value)[:6])
        return f"a dict of {len(value)} items ({keys}{', ...' if len(value) > 6 else ''})"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)} items"
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)[:60]
    return type(value).__name__
