"""Batches: their order, their padding, and the pixels the model sees."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8

from jaxcovid.data.augment import augment
from jaxcovid.data.dataset import Split
from jaxcovid.data.disk import StoredPixels

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, as in torchvision

# Keys of one seed for different purposes, see `purpose_key`.
ORDER, AUGMENT, DROPOUT, INIT = range(4)

# Images on canvases of more pixels are augmented so many at a time: their copies take memory.
LARGE, TOGETHER = 320 * 512, 16

READERS = 4  # threads, and batches that may wait in memory


class Indices(NamedTuple):
    """Which examples form a batch; padding repeats example 0 and has mask 0, others mask 1."""

    indices: Int[np.ndarray, "batch"]
    mask: Float[np.ndarray, "batch"]


class Examples(NamedTuple):
    """A batch of images, before augmentation and normalisation: as read, or put on devices.

    `sizes` are the images' heights and widths in pixels on their canvas, and `indices` tell
    augmentation which example it has; neither matters in evaluation. `labels` are numbers of
    classes; `mask` is 1 for examples that count and 0 for padding.
    """

    images: UInt8[np.ndarray | Array, "batch height width channel"]
    sizes: Int[np.ndarray | Array, "batch 2"]
    indices: Int[np.ndarray | Array, "batch"]
    labels: Int[np.ndarray | Array, "batch"]
    mask: Float[np.ndarray | Array, "batch"]


def epoch_order(seed: int, epoch: int, examples: int) -> Int[np.ndarray, "examples"]:
    """A random order of so many examples: a function of seed and epoch alone."""
    key = jax.random.fold_in(purpose_key(seed, ORDER), epoch)
    return np.asarray(jax.random.permutation(key, examples))


def batches(
    order: Int[np.ndarray, "examples"], batch_size: int, multiple: int = 1
) -> Iterator[Indices]:
    """All examples of an order exactly once, `batch_size` at a time.

    Every batch is padded to one length: the batch size, rounded up to a multiple of the number of
    devices that share it (`multiple`).
    """
    length = -(-batch_size // multiple) * multiple
    for start in range(0, len(order), batch_size):
        indices = order[start : start + batch_size].astype(np.int32)
        padding = length - len(indices)
        mask = np.ones(len(indices), np.float32)
        yield Indices(np.pad(indices, (0, padding)), np.pad(mask, (0, padding)))


def read_batches(split: Split, parts: Sequence[Indices], augmentable: bool) -> Iterable[Examples]:
    """The examples of each batch in turn, as numpy arrays.

    `parts` say which examples of the split form each batch; `augmentable` chooses that view of the
    images instead of the one for evaluation. Unlabelled images get class 0. Pixels on disk are read
    a few batches ahead, by Grain's threads, in bounded memory; raises InputError if damaged.
    """
    pixels = split.augmentable if augmentable else split.evaluation

    def examples(part: Indices) -> Examples:
        return Examples(
            pixels[part.indices],
            split.sizes[part.indices],
            part.indices,
            split.labels[part.indices].clip(0),  # no one reads the class of unlabelled images
            part.mask,
        )

    if not isinstance(pixels, StoredPixels):
        return map(examples, parts)
    import grain  # takes long to import, and most sets are in memory

    ahead = grain.ReadOptions(num_threads=READERS, prefetch_buffer_size=READERS)
    return grain.MapDataset.source(parts).map(examples).to_iter_dataset(ahead)


def training_images(
    examples: Examples, key: PRNGKeyArray, epoch: Int[Array, ""]
) -> Float[Array, "batch 224 224 3"]:
    """Augmented, normalised images of a batch of augmentable views.

    Each is a function of key, epoch and its example, not of the batch that it lies in.
    """
    epoch_key = jax.random.fold_in(key, epoch)
    keys = jax.vmap(lambda index: jax.random.fold_in(epoch_key, index))(examples.indices)
    images, sizes = jnp.asarray(examples.images), jnp.asarray(examples.sizes)
    if images.shape[1] * images.shape[2] <= LARGE:
        return normalise(jax.vmap(augment)(keys, images, sizes))
    given = (keys, images, sizes)
    return normalise(lax.map(lambda image: augment(*image), given, batch_size=TOGETHER))


def normalise(
    images: UInt8[ArrayLike, "batch height width channel"]
    | Float[ArrayLike, "batch height width channel"],
) -> Float[Array, "batch height width 3"]:
    """Images of values 0 to 255, grey or RGB, as ImageNet's networks expect them.

    As torchvision's ToTensor and Normalize with ImageNet's means and standard deviations, but with
    channels last; the one channel of grey images is repeated.
    """
    images = jnp.asarray(images)
    images = jnp.broadcast_to(images.astype(jnp.float32) / 255, (*images.shape[:3], 3))
    mean, std = jnp.array(MEAN, jnp.float32), jnp.array(STD, jnp.float32)
    return (images - mean[None, None, None]) / std[None, None, None]


def purpose_key(seed: int, purpose: int) -> PRNGKeyArray:
    """The key of a seed for one purpose: ORDER, AUGMENT, DROPOUT or INIT.

    Keys of different purposes are independent, so that one use of randomness cannot disturb
    another.
    """
    return jax.random.fold_in(jax.random.key(seed), purpose)
