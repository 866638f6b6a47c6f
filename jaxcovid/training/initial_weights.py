"""The variables that a run starts from: random, or from a file with a new head."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxcovid.config import Config
from jaxcovid.errors import InputError, check
from jaxcovid.models import Model
from jaxcovid.training.pytrees import LabelTree, Variables
from jaxcovid.training.random_weights import random_variables
from weights_convert import (
    ARCHITECTURES,
    ConversionError,
    Entry,
    FormatError,
    detect,
    read,
    torch_to_flax,
)
from weights_convert.fetch import FetchError, fetch
from weights_convert.printable import printable
from weights_convert.trained import WORDS, look

MAX_PROBLEMS = 8  # arrays that are named one by one


class Initial(NamedTuple):
    """Variables with the collections "params" and "batch_stats", and in words where from."""

    variables: Variables
    source: str
    warnings: tuple[str, ...] = ()


def initial_variables(
    config: Config,
    module: Model,
    entries: tuple[Entry, ...],
    classes: Sequence[str],
    labels: LabelTree,
) -> Initial:
    """The variables that the setting `weights` asks for, in float32.

    `entries` pair torchvision's names with the module's, `labels` tell what will train. Raises
    InputError if a file does not fit, or if ImageNet weights cannot be had; the phantoms, whose
    point is to work anywhere, then have random ones and a warning.
    """
    if config.weights == "none":
        return Initial(random_variables(module, config.seed, labels), "random weights")
    if config.weights != "imagenet":
        path = Path(config.weights)
        return from_file(config, path, module, entries, classes, labels)
    try:
        path = fetch(ARCHITECTURES[config.model].weights)
    except FetchError as error:
        if config.data is not None:
            raise InputError(
                [f"`weights=imagenet`: {error}; or pass `weights=none` for random weights"]
            ) from None
        warning = (
            f"no ImageNet weights ({error}). The frozen part is random: this run shows that the "
            "software works, not what transfer learning reaches"
        )
        return Initial(random_variables(module, config.seed, labels), "random weights", (warning,))
    return from_file(config, path, module, entries, classes, labels)


def from_file(
    config: Config,
    path: Path,
    module: Model,
    entries: tuple[Entry, ...],
    classes: Sequence[str],
    labels: LabelTree,
) -> Initial:
    """The file's backbone, and its head if it has the same layers and is not of other classes.

    The file may be .pth, .safetensors, .npz or a run's folder. Raises InputError naming every
    array that does not fit.
    """
    model = config.model
    try:
        weights = read(path, config.weights_entry)
    except FormatError as error:
        raise InputError([f"`weights`: {error}"]) from None
    except OSError as error:
        raise InputError([f"`weights`: {path}: {error.strerror}"]) from None
    state = weights.arrays
    unfit = unfit_values(state)
    if len(unfit) > MAX_PROBLEMS:
        unfit = [*unfit[:MAX_PROBLEMS], f"{len(unfit) - MAX_PROBLEMS:,} more arrays are like these"]
    check([f"`weights`: {path}: {problem}" for problem in unfit])
    # Files from elsewhere do not say what their classes are.
    same_classes = weights.metadata.get("classes", json.dumps(list(classes))) == json.dumps(
        list(classes)
    )
    prefix = f"{ARCHITECTURES[model].head}."
    stored_head = _shapes(state, prefix)
    wanted_head = {entry.torch: entry.shape for entry in entries if entry.torch.startswith(prefix)}
    params = {}
    if stored_head == wanted_head and same_classes:
        used, chosen, source = state, entries, f"{path}, with its head"
    else:
        params = random_variables(module, config.seed, labels, "head")["params"]
        used = {name: array for name, array in state.items() if not name.startswith(prefix)}
        chosen = tuple(entry for entry in entries if not entry.torch.startswith(prefix))
        source = f"{path}, {'' if stored_head else 'a backbone without a head, '}with a new head"
    try:
        loaded = torch_to_flax(used, chosen)
    except ConversionError as error:
        misfits = [f"  {problem}" for problem in _other_model(state, model) or error.problems]
        about = (
            f"`weights`: {path} does not fit `model={model}`; give a file of that network, or "
            "another `model`:"
        )
        raise InputError([about, *misfits]) from None
    # On the host, as JAX would compile a conversion for every shape.
    loaded = jax.tree.map(lambda array: np.asarray(array, module.param_dtype), loaded)
    # A model without batch norm has an empty collection.
    variables = {
        "params": {**params, **loaded["params"]}, "batch_stats": loaded.get("batch_stats", {})
    }  # fmt: skip
    notes = tuple(f"`weights`: {note}" for note in weights.notes)
    return Initial(variables, source, (*notes, *_doubts(path, state)))


def _doubts(path: Path, state: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """A warning where the weights do not look trained; `state` is by torchvision's names."""
    seen = look(state)
    if seen.verdict not in ("fresh", "doubtful"):
        return ()
    return (
        f"`weights`: {path} {WORDS[seen.verdict]} ({seen.reason}); if it is meant to be "
        "pretrained, look where it comes from",
    )


def unfit_values(state: Mapping[str, np.ndarray]) -> list[str]:
    """A sentence about each array that no trained network has and that would spoil every result.

    Such arrays hold whole numbers, infinite values, NaN or negative variances. `state` is by
    torchvision's names.
    """
    problems = []
    for name, array in state.items():
        if name.endswith("num_batches_tracked"):
            continue
        if not jnp.issubdtype(array.dtype, jnp.floating):
            problems.append(f"{printable(name)} holds {array.dtype}, not floating-point numbers")
        elif not np.isfinite(array).all():
            problems.append(f"{printable(name)} holds infinite values or NaN")
        elif name.endswith("running_var") and (array < 0).any():
            problems.append(f"{printable(name)} holds negative variances")
    return problems


def _shapes(state: Mapping[str, np.ndarray], prefix: str) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in state.items() if name.startswith(prefix)}


def _other_model(state: Mapping[str, np.ndarray], model: str) -> tuple[str, ...]:
    """What the file holds if it is another model's: more telling than a hundred names."""
    try:
        detect(state, model)
    except ConversionError as error:
        return error.problems
    return ()
