"""Which architecture a state_dict belongs to, by its names and the head's shapes."""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

import numpy as np

from weights_convert.errors import ConversionError
from weights_convert.names import ARCHITECTURES, Architecture, Entry, head_names, table
from weights_convert.printable import listed


def detect(state: Mapping[str, np.ndarray], model: str | None = None) -> tuple[Entry, ...]:
    """The table of the state_dict's architecture, with the head that its names and shapes tell.

    `model` is the architecture that it must be, if given: it is then also accepted where too many
    arrays are missing to recognise it. Raises ConversionError if the names belong to no known
    architecture or to another.
    """
    return _with_head(state, architecture_of(state, model))


def architecture_of(state: Mapping[str, np.ndarray], model: str | None = None) -> str:
    """The name of the state_dict's architecture; `model` and errors as in `detect`."""
    signs = [
        name
        for name, architecture in ARCHITECTURES.items()
        if any(fnmatchcase(array, architecture.sign) for array in state)
    ]
    recognised = [name for name in signs if not _of_relative(state, ARCHITECTURES[name])]
    if signs and not recognised:
        *others, last = ARCHITECTURES
        raise ConversionError(
            [
                f"it holds {ARCHITECTURES[signs[-1]].relative}; only {', '.join(others)} and "
                f"{last} are known"
            ]
        )
    if model is not None and recognised and model not in recognised:
        raise ConversionError([f"it holds {recognised[0]} weights, not {model}'s"])
    if len(recognised) == 1 and model is None:
        return recognised[0]
    alike = most_alike(state)
    if model is None or not (recognised or alike or not state):
        raise ConversionError(
            [
                f"its names ({listed(state, len(state))}) belong to none of "
                f"{', '.join(ARCHITECTURES)}{_whose(state)}"
            ]
        )
    return model


def most_alike(state: Mapping[str, np.ndarray]) -> str | None:
    """The architecture that shares most names with the state_dict; None if none shares any."""
    shared = {
        name: sum(entry.torch in state for entry in architecture.backbone)
        for name, architecture in ARCHITECTURES.items()
    }
    best = max(shared, key=lambda name: shared[name])
    return best if shared[best] else None


def _whose(state: Mapping[str, np.ndarray]) -> str:
    """Whose names they are, if that is known."""
    for glob, whose in _FOREIGN.items():
        if any(fnmatchcase(name[:200], glob) for name in state):
            return f"; they are those of {whose}"
    return ""


# What networks of other libraries are called; a name is enough.
_FOREIGN = {
    "*embedder.embedder.convolution.*": "a ResNet of Hugging Face's transformers, which are others "
    "than torchvision's; save torchvision's or timm's network",
    "*embeddings.*": "a network of Hugging Face's transformers",
    "*attn.qkv.*": "a vision transformer",
    "*self_attn*": "a transformer",
    "[0-9]*.*": "a Sequential of layers; save the state_dict of the network that they come from",
    "*.kernel": "a network of Flax or Keras",
    "params/*": "a network of Flax",
}


def _of_relative(state: Mapping[str, np.ndarray], architecture: Architecture) -> bool:
    """Whether it has layers that this architecture lacks."""
    names = {entry.torch for entry in architecture.backbone}
    return any(fnmatchcase(name, architecture.layers) and name not in names for name in state)


def _with_head(state: Mapping[str, np.ndarray], model: str) -> tuple[Entry, ...]:
    architecture = ARCHITECTURES[model]
    pattern = re.compile(rf"{re.escape(architecture.head)}(?:\.(\d{{1,4}}))?\.weight")
    matches = {name: match for name in state if (match := pattern.fullmatch(name))}
    names = sorted(matches, key=lambda name: int(matches[name][1] or 0))
    widths = [np.shape(state[name])[0] if np.ndim(state[name]) else 0 for name in names]
    layers = tuple(name.removesuffix(".weight") for name in names)
    for dropout in (False, True):
        if layers and layers == head_names(model, len(layers) - 1, dropout):
            return table(model, widths[-1], widths[:-1], dropout)
    # Without a head, or with one of another make: as torchvision has it, so that the check names
    # what is missing.
    return table(model, 1000, architecture.imagenet_hidden, architecture.imagenet_dropout)
