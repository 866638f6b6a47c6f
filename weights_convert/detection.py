"""Which architecture a state_dict belongs to, by its names and the head's shapes."""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

import numpy as np

from weights_convert.errors import ConversionError
from weights_convert.names import ARCHITECTURES, Architecture, Entry, head_names, table


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
    if model is None and len(recognised) != 1:
        examples = ", ".join(list(state)[:4])
        raise ConversionError(
            [
                f"its names ({examples}, ...) belong to none of {', '.join(ARCHITECTURES)}; "
                "give --model"
            ]
        )
    return model or recognised[0]


def _of_relative(state: Mapping[str, np.ndarray], architecture: Architecture) -> bool:
    """Whether it has layers that this architecture lacks."""
    names = {entry.torch for entry in architecture.backbone}
    return any(fnmatchcase(name, architecture.layers) and name not in names for name in state)


def _with_head(state: Mapping[str, np.ndarray], model: str) -> tuple[Entry, ...]:
    architecture = ARCHITECTURES[model]
    pattern = re.compile(rf"{re.escape(architecture.head)}(?:\.(\d+))?\.weight")
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
