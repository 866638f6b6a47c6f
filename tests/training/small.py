"""Small things to train: heads on made-up features, so that no test waits for a whole network."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tqdm import tqdm

from jaxcovid import parallel
from jaxcovid.data.dataset import Dataset, Split
from jaxcovid.training import frozen_part, setup
from jaxcovid.training.frozen_features import Features
from tests import small_runs

no_bar = functools.partial(tqdm, disable=True)

# What the head of the smallest network is given.
FEATURES = (1, 1, 128)

config = functools.partial(
    small_runs.config, "data", None, head=(4,), views=2, lr=0.1, precision="float32"
)


def split(labels, size=(2, 3)):
    """Grey images of so many pixels with these labels."""
    pixels = np.random.default_rng(0).integers(0, 256, (len(labels), *size, 1), np.uint8)
    return Split(
        pixels,
        np.tile(np.array([size], np.int32), (len(labels), 1)),
        pixels,
        np.array(labels, np.int32),
        tuple(f"{index}.png" for index in range(len(labels))),
        np.random.default_rng(1).integers(0, 256, (len(labels), 64, 64, 1), np.uint8),
        few_levels=np.zeros(len(labels), np.int32),
    )


def dataset(train=12, validation=7, classes=("covid", "normal")):
    splits = {
        name: split(np.arange(count) % len(classes))
        for name, count in (("train", train), ("validation", validation))
    }
    return Dataset("made up", classes, splits, "fingerprint")


def features(labels, shape=FEATURES, views=0, seed=0):
    """Noise that differs by class; each view has its noise."""
    rng = np.random.default_rng(seed)
    shift = np.reshape(labels, (-1, *(1,) * len(shape)))
    noise = rng.normal(size=(views + 1, len(labels), *shape)) + 0.3 * shift
    return Features(noise[0].astype(np.float32), noise[1:].astype(np.float32))


def task(settings=None, data=None, made=None, **options):
    """As `prepare` makes it, with made-up features; `made` gets an entry each time they are made."""

    def compute(split, name, *_, views=0, **__):
        if made is not None:
            made.append((name, views))
        return features(split.labels, views=views)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frozen_part, "feature_extractor", lambda *_: compute)
        return setup.prepare(
            settings or config(),
            data or dataset(),
            parallel.devices(limit=1),
            no_bar,
            **options,
        )


def copied(state):
    """A state whose memory no step takes."""
    return jax.tree.map(jnp.copy, state)


def bits(tree):
    """The leaves of a tree, comparable to the last bit."""

    def of_leaf(leaf):
        if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        array = np.asarray(leaf)
        return array.dtype, array.shape, array.tobytes()

    leaves, structure = jax.tree.flatten(tree)
    return structure, [of_leaf(leaf) for leaf in leaves]
