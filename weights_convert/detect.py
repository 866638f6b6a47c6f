"""Which model a state_dict belongs to, by its names and the head's shapes."""

import re
from collections.abc import Mapping

import numpy as np

from weights_convert.errors import ConversionError
from weights_convert.names import HEADS, Entry, head_names, table

# A name that only this architecture has.
_TELLING = {"resnet18": "layer4.1.conv2.weight", "vgg16": "features.28.weight"}


def detect(state: Mapping[str, np.ndarray], model: str | None = None) -> tuple[Entry, ...]:
    """The table of the model (that of `model`, if given) with the head found in the state_dict.

    Raises ConversionError if the names belong to no known model or to another.
    """
    found = [name for name, telling in _TELLING.items() if telling in state]
    # The block's third convolution and ResNet18's layer3.2 tell deeper relatives apart.
    if "layer3.2.conv1.weight" in state or "layer1.0.conv3.weight" in state:
        raise ConversionError(["it holds a deeper ResNet; only resnet18 and vgg16 are known"])
    if "features.34.weight" in state or "features.1.running_mean" in state:
        raise ConversionError(["it holds another VGG; only resnet18 and vgg16 are known"])
    if model is not None and found and model not in found:
        raise ConversionError([f"it holds {found[0]} weights, not {model}'s"])
    if model is None and len(found) != 1:
        shown = ", ".join(list(state)[:4])
        raise ConversionError(
            [f"its names ({shown}, ...) belong to none of {', '.join(_TELLING)}; give --model"]
        )
    return _with_head(state, model or found[0])


def _with_head(state: Mapping[str, np.ndarray], model: str) -> tuple[Entry, ...]:
    prefix = HEADS[model]
    pattern = re.compile(rf"{re.escape(prefix)}(?:\.(\d+))?\.weight")
    matches = {name: match for name in state if (match := pattern.fullmatch(name))}
    names = sorted(matches, key=lambda name: int(matches[name][1] or 0))
    widths = [np.shape(state[name])[0] if np.ndim(state[name]) else 0 for name in names]
    layers = tuple(name.removesuffix(".weight") for name in names)
    for dropout in (False, True):
        if layers and layers == head_names(model, len(layers) - 1, dropout):
            return table(model, widths[-1], widths[:-1], dropout)
    # Without a head, or with one of another make: as torchvision has it, so that the check names
    # what is missing.
    plain = ((), False) if model == "resnet18" else ((4096, 4096), True)
    return table(model, 1000, *plain)
