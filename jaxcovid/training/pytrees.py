"""Names for trees of arrays in annotations, of which tests check every leaf."""

from collections.abc import Mapping

import jax
import numpy as np
from jaxtyping import PyTree

# A number or array of the host, of a device, or one that is only described.
Leaf = jax.Array | jax.ShapeDtypeStruct | np.ndarray | np.generic | int | float

# What gradients change: by module and name; None for parameters that are kept elsewhere.
Params = PyTree[Leaf]

# Running means and variances of batch norms, by module; empty without any.
BatchStats = PyTree[Leaf]

# {"params": Params, "batch_stats": BatchStats}, as Flax's `apply` takes them.
Variables = Mapping[str, PyTree[Leaf]]

# "head", "backbone" or "frozen" in place of every parameter.
LabelTree = PyTree[str]
