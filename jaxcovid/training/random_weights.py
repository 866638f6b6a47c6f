"""Random variables, distributed as the modules initialise them, and torchvision its own.

They are drawn by NumPy: JAX compiles its generator anew for every shape, which takes longer than
anything else before the first step.
"""

import functools
import zlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from jaxcovid.data.loader import INIT
from jaxcovid.models import Model
from jaxcovid.training.pytrees import LabelTree, Variables
from jaxcovid.training.trainable import FROZEN

Path = tuple[str, ...]


def random_variables(
    module: Model, seed: int, labels: LabelTree, start: str | None = None
) -> Variables:
    """Random variables of backbone and head, in float32, on the host.

    With `start`, only those from that stage on; they are the same as among all. What stays frozen
    stands for pretrained weights, so it is the same for every seed.
    """
    shapes: dict[Path, Any] = traverse_util.flatten_dict(_shapes(module, start or module.stages[0]))
    label_of = traverse_util.flatten_dict(labels)
    values = {
        path: _drawn(path, shapes, 0 if label_of.get(path[1:]) == FROZEN else seed)
        for path in shapes
    }
    return {"params": {}, "batch_stats": {}, **traverse_util.unflatten_dict(values)}


def _drawn(path: Path, shapes: Mapping[Path, Any], seed: int) -> np.ndarray:
    """One array; it depends on its place, its shape and the seed alone.

    Filters are normal by what a convolution gives to; dense layers uniform by what they are given,
    as torch.nn.Linear; scales and variances 1; all else 0.
    """
    *module, name = path
    shape, kernel = shapes[path].shape, shapes.get((*module, "kernel"))
    generator = np.random.default_rng([seed, INIT, zlib.crc32("/".join(path).encode())])
    if kernel is not None and len(kernel.shape) == 2:
        bound = np.float32(1 / np.sqrt(kernel.shape[0]))
        return bound * (2 * generator.random(shape, np.float32) - 1)
    if name == "kernel":
        spread = np.float32(np.sqrt(2 / (shape[0] * shape[1] * shape[3])))
        return spread * generator.standard_normal(shape, np.float32)
    return np.full(shape, name in ("scale", "var"), np.float32)


def _shapes(module: Model, start: str) -> dict[str, Any]:
    given = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)
    key = jax.random.key(0)
    if start != module.stages[0]:
        before = module.stages[module.stages.index(start) - 1]
        given, _ = jax.eval_shape(
            functools.partial(module.init_with_output, stop=before), key, given
        )
    return dict(jax.eval_shape(functools.partial(module.init, start=start), key, given))
