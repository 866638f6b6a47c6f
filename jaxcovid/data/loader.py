"""Batches from arrays in memory: their order, their padding, and the pixels the model sees."""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8

from jaxcovid.data.augment import augment

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, as in torchvision

# Keys of one seed for different purposes.
ORDER, AUGMENT, DROPOUT, INIT = range(4)


class Indices(NamedTuple):
    """Which examples form a batch; padding repeats example 0 and has mask 0."""

    indices: Int[np.ndarray, "batch"]
    mask: Float[np.ndarray, "batch"]


def epoch_order(seed: int, epoch: int, examples: int) -> Int[np.ndarray, "examples"]:
    """The order of examples in an epoch: a function of seed and epoch alone."""
    key = jax.random.fold_in(purpose_key(seed, ORDER), epoch)
    return np.asarray(jax.random.permutation(key, examples))


def batches(order: Int[np.ndarray, "examples"], batch_size: int) -> Iterator[Indices]:
    """All examples exactly once, in batches of one size; the last is padded."""
    for start in range(0, len(order), batch_size):
        indices = order[start : start + batch_size].astype(np.int32)
        padding = batch_size - len(indices)
        mask = np.ones(len(indices), np.float32)
        yield Indices(np.pad(indices, (0, padding)), np.pad(mask, (0, padding)))


def training_images(
    images: UInt8[Array, "n height width channel"],
    sizes: Int[Array, "n 2"],
    indices: Int[Array, "batch"],
    key: PRNGKeyArray,
    epoch: Int[Array, ""],
) -> Float[Array, "batch 224 224 3"]:
    """Augmented, normalised images: each a function of key, epoch and example, not of the batch."""
    epoch_key = jax.random.fold_in(key, epoch)
    keys = jax.vmap(lambda index: jax.random.fold_in(epoch_key, index))(indices)
    return normalise(jax.vmap(augment)(keys, images[indices], sizes[indices]))


def normalise(
    images: UInt8[Array, "batch height width channel"] | Float[Array, "batch height width channel"],
) -> Float[Array, "batch height width 3"]:
    """Torchvision's ToTensor and Normalize, on values 0 to 255; grey is repeated."""
    images = jnp.broadcast_to(images.astype(jnp.float32) / 255, (*images.shape[:3], 3))
    mean, std = jnp.array(MEAN, jnp.float32), jnp.array(STD, jnp.float32)
    return (images - mean[None, None, None]) / std[None, None, None]


def purpose_key(seed: int, purpose: int) -> PRNGKeyArray:
    """Independent keys of one seed, so that one use of randomness cannot disturb another."""
    return jax.random.fold_in(jax.random.key(seed), purpose)
