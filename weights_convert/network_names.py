"""The known network among the names of a file, behind what wrappers put before each of them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from weights_convert.errors import FormatError
from weights_convert.names import ARCHITECTURES
from weights_convert.printable import brief, listed

# What wrappers put before every name, or into the middle of it.
WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
# What training frameworks call the network that one would use, among several.
_EXPECTED = (
    "", "model", "net", "network", "backbone", "encoder", "resnet", "vgg", "base_model",
    "base_encoder", "encoder_q", "online_encoder", "feature_extractor", "features",
)  # fmt: skip


MAX_NAME = 1000  # characters
MAX_NETWORKS = 16


class Chosen(NamedTuple):
    """The values of one network by the names that it knows them by, and those beside it."""

    inside: dict[str, Any]
    outside: dict[str, Any]
    notes: tuple[str, ...] = ()


def choose(values: Mapping[str, Any], entry: str | None = None) -> Chosen:
    """The known network among named values; all of them if there is none.

    `entry` names the prefix to take. Raises FormatError if there are several that are equally good.
    """
    prefixes = networks(values)
    notes: tuple[str, ...] = ()
    if not prefixes:
        unwrapped = _without_wrappers(values)
        inner = networks(unwrapped) if unwrapped else ()
        if not inner:
            if entry is not None:
                raise no_entry(entry, ())
            return _without_shared_wrapper(values)
        notes = (f"{_wrappers_in(values)} removed from names",)
        values, prefixes = unwrapped, inner
    if len(prefixes) > MAX_NETWORKS:
        raise FormatError(f"it holds {len(prefixes):,} networks")
    prefix = _prefix(prefixes, entry)
    nested = tuple(other for other in prefixes if other != prefix and other.startswith(prefix))
    inside, outside = {}, {}
    for name, value in values.items():
        is_inside = name.startswith(prefix) and not (nested and name.startswith(nested))
        if is_inside:
            inside[name[len(prefix) :]] = value
        else:
            outside[name] = value
    inner_names = _without_wrappers(inside)
    if inner_names and list(inner_names) != list(inside):
        notes = (*notes, f"{_wrappers_in(inside)} removed from names")
        inside = inner_names
    if prefix:
        where = " of the network" if outside else ""
        notes = (*notes, f"prefix {brief(prefix)} removed from every name{where}")
    others = [
        other.removesuffix(".") or "the outermost names" for other in prefixes if other != prefix
    ]
    if others:
        notes = (*notes, f"weights are also under {listed(others, len(others))}; they are taken if "
                 "named as the entry")  # fmt: skip
    return Chosen(inside, outside, notes)


def networks(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The prefixes behind which a known network's first and last array are found."""
    result: dict[str, None] = {}
    for architecture in ARCHITECTURES.values():
        first, last = architecture.backbone[0].torch, architecture.backbone[-1].torch
        for name in values:
            if len(name) <= MAX_NAME and (name == first or name.endswith(f".{first}")):
                prefix = name[: len(name) - len(first)]
                if f"{prefix}{last}" in values:
                    result[prefix] = None
    return tuple(result)


def entry_names(values: Mapping[str, Any]) -> tuple[str, ...]:
    """By what the networks among the names can be asked for."""
    return tuple(name for prefix in networks(values) for name in _names_of(prefix))


def no_entry(entry: str, known: Sequence[str]) -> FormatError:
    """That there is no such entry, and which there are."""
    there = (
        f"; there are {listed(known, len(known))}" if known else ": its weights are not in entries"
    )
    return FormatError(f"it holds no entry {brief(entry)}{there}")


def _names_of(prefix: str) -> tuple[str, ...]:
    whole = prefix.removesuffix(".")
    return tuple(dict.fromkeys((whole, whole.rsplit(".", 1)[-1]))) if whole else ()


def _prefix(prefixes: tuple[str, ...], entry: str | None) -> str:
    if entry is not None:
        named = [prefix for prefix in prefixes if entry in _names_of(prefix)]
        if not named:
            raise no_entry(entry, [name for prefix in prefixes for name in _names_of(prefix)])
        return named[0]
    best = min(map(_rank, prefixes))
    equal = [prefix for prefix in prefixes if _rank(prefix) == best]
    if len(equal) > 1:
        names = [prefix.removesuffix(".") for prefix in equal]
        raise FormatError(
            f"it holds several networks ({listed(names, len(names))}); choose one as the entry "
            "(--entry, of a run --weights-entry)"
        )
    return equal[0]


def _rank(prefix: str) -> int:
    parts = [part for part in prefix.removesuffix(".").split(".") if part not in WRAPPERS]
    last = parts[-1] if parts else ""
    if any(part not in _EXPECTED for part in parts) or last not in _EXPECTED:
        return len(_EXPECTED)
    return _EXPECTED.index(last)


def _without_wrappers(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values without wrappers' parts in their names; empty if names would then collide."""
    result = {
        ".".join(part for part in name.split(".") if part not in WRAPPERS): value
        for name, value in values.items()
    }
    return result if len(result) == len(values) else {}


def _wrappers_in(values: Mapping[str, Any]) -> str:
    parts = {part for name in values for part in name.split(".")}
    return listed([f"'{part}.'" for part in WRAPPERS if part in parts], 1, most=4)


def _without_shared_wrapper(values: Mapping[str, Any]) -> Chosen:
    """Without the wrappers that all names begin with, of a network that is not known."""
    names = [name.split(".") for name in values]
    count = 0
    while names and all(
        len(parts) > count + 1 and parts[count] in WRAPPERS and parts[count] == names[0][count]
        for parts in names
    ):
        count += 1
    inside = {
        ".".join(parts[count:]): value for parts, value in zip(names, values.values(), strict=True)
    }
    if not count:
        return Chosen(dict(values), {})
    prefix = ".".join((*names[0][:count], ""))
    return Chosen(inside, {}, (f"prefix {brief(prefix)} removed from every name",))
