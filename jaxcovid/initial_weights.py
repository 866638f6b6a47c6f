"""The variables that a run starts from: random, or from a file with a new head."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy
from flax import traverse_util

from jaxcovid.config import Config
from jaxcovid.data.loader import INIT, purpose_key
from jaxcovid.errors import InputError
from jaxcovid.models import Model
from weights_convert import ConversionError, Entry, table, torch_to_flax
from weights_convert.cache import cache_folder
from weights_convert.names import HEADS

IMAGENET_FILES = {"resnet18": "resnet18-f37072fd", "vgg16": "vgg16-397923af"}


class Initial(NamedTuple):
    """Variables, and in words where they come from."""

    variables: dict[str, Any]
    source: str
    warnings: tuple[str, ...] = ()


def initial_variables(config: Config, module: Model, entries: tuple[Entry, ...]) -> Initial:
    """What `--weights` asks for. Raises InputError.

    ImageNet weights that cannot be had are an error, except for the phantoms, whose point is to
    work anywhere.
    """
    if config.weights == "none":
        return Initial(random_variables(module, config.seed), "random weights")
    if config.weights != "imagenet":
        path = Path(config.weights).expanduser()
        return from_file(_weights_file(path), config.model, module, entries, config.seed)
    path = cache_folder() / "weights" / f"{IMAGENET_FILES[config.model]}.safetensors"
    if path.is_file():
        return from_file(path, config.model, module, entries, config.seed)
    if config.data is None:
        warning = (
            f"ImageNet weights are not at {path}: the frozen part is random, so this run shows "
            "that the software works, not what transfer learning reaches"
        )
        return Initial(random_variables(module, config.seed), "random weights", (warning,))
    raise InputError(
        [
            f"--weights imagenet: not found at {path}; put torchvision's {config.model} weights "
            "there as .safetensors, name another file, or pass --weights none to start from "
            "random weights"
        ]
    )


def random_variables(module: Model, seed: int) -> dict[str, Any]:
    """Torchvision's initialisation of backbone and head."""
    images = jnp.zeros((1, 224, 224, 3), jnp.float32)
    variables = jax.jit(module.init)(purpose_key(seed, INIT), images)
    return {"params": variables["params"], "batch_stats": variables.get("batch_stats", {})}


def from_file(
    path: Path, model: str, module: Model, entries: tuple[Entry, ...], seed: int
) -> Initial:
    """The file's backbone, and its head if it has the same layers as the model's.

    Raises InputError naming every array that does not fit.
    """
    state = _read(path)
    prefix = f"{HEADS[model]}."
    stored_head = _shapes(state, prefix)
    wanted_head = {entry.torch: entry.shape for entry in entries if entry.torch.startswith(prefix)}
    variables = random_variables(module, seed)
    if stored_head == wanted_head:
        used, chosen, source = state, entries, f"{path}, with its head"
    else:
        used = {name: array for name, array in state.items() if not name.startswith(prefix)}
        chosen = tuple(entry for entry in entries if not entry.torch.startswith(prefix))
        source = f"{path}, with a new head"
    try:
        loaded = torch_to_flax(used, chosen)
    except ConversionError as error:
        raise InputError([_misfit(path, model, state, error)]) from None
    flat: Any = traverse_util.flatten_dict(variables)
    for leaf, array in traverse_util.flatten_dict(loaded).items():
        flat[leaf] = jnp.asarray(array, flat[leaf].dtype)
    return Initial(traverse_util.unflatten_dict(flat) | _empty(variables), source)


def _empty(variables: Mapping[str, Any]) -> dict[str, Any]:
    # A model without batch norm has an empty collection, which flattening loses.
    return {name: {} for name, tree in variables.items() if not tree}


def _weights_file(path: Path) -> Path:
    if path.is_dir():
        if not (path / "weights.safetensors").is_file():
            raise InputError(
                [f"--weights: {path} is a folder without weights.safetensors, not a finished run"]
            )
        return path / "weights.safetensors"
    if not path.is_file():
        raise InputError(
            [f"--weights: {path} does not exist; give imagenet, none, a file or a run's folder"]
        )
    if path.suffix != ".safetensors":
        raise InputError([f"--weights: {path.name} is not a .safetensors file"])
    return path


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        return safetensors.numpy.load_file(path)
    except (safetensors.SafetensorError, KeyError, OSError) as error:
        raise InputError(
            [f"--weights: {path} cannot be read as safetensors ({error}); get it again"]
        ) from None


def _shapes(state: Mapping[str, np.ndarray], prefix: str) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in state.items() if name.startswith(prefix)}


def _misfit(path: Path, model: str, state: Mapping[str, np.ndarray], error: ConversionError) -> str:
    for other in HEADS:
        backbone = [
            entry.torch
            for entry in table(other, classes=1)
            if not entry.torch.startswith(f"{HEADS[other]}.")
        ]
        if other != model and all(name in state for name in backbone):
            return f"--weights: {path} holds {other} weights, but --model is {model}; change one"
    listed = "\n  ".join(error.problems)
    return f"--weights: {path} does not fit {model}:\n  {listed}"
