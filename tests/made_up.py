"""Random arrays and variables made by NumPy: JAX compiles its generator anew for every shape."""

import functools

import jax
import jax.numpy as jnp
import numpy as np


def normal(shape, seed=0):
    """Standard normal numbers in float32."""
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def variables(module, shape=(1, 32, 32, 3), start=None, seed=0):
    """A network's variables, distributed about as it initialises them itself.

    `shape` is that of the images, or of what the stage `start` is given.
    """
    begin = {} if start is None else {"start": start}
    init = functools.partial(module.init, **begin)
    shapes = jax.eval_shape(init, jax.random.key(0), jnp.zeros(shape))
    generator = np.random.default_rng(seed)

    def leaf(path, given):
        name = path[-1].key
        if name != "kernel":
            values = np.full(given.shape, float(name in ("scale", "var")))
            return jnp.asarray(values, given.dtype)
        spread = np.sqrt(2 / np.prod(given.shape[:-1]))
        values = spread * generator.standard_normal(given.shape, np.float32)
        return jnp.asarray(values, given.dtype)

    return jax.tree.map_with_path(leaf, shapes)
