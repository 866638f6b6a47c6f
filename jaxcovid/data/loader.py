"""Batches: their order, their padding, and the pixels the model sees."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8

from jaxcovid.data.augment import augment
from jaxcovid.data.augmentations import STRONG, Augmentation
from jaxcovid.data.dataset import Split, numbered_draws
from jaxcovid.data.disk import StoredPixels

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, as in torchvision

# Keys of one seed for different purposes, see `purpose_key`.
ORDER, AUGMENT, DROPOUT, INIT = range(4)

# Images on canvases of more pixels are augmented so many at a time: their copies take memory.
LARGE, TOGETHER = 320 * 512, 16

READERS = 4  # threads, and batches that may wait in memory


class Indices(NamedTuple):
    """Which examples form a batch; padding repeats example 0 and has mask 0, others mask 1.

    `indices` are those of draws, see `epoch_order`: modulo the number of examples they are these.
    """

    indices: Int[np.ndarray, "batch"]
    mask: Float[np.ndarray, "batch"]


class Examples(NamedTuple):
    """A batch of images, before augmentation and normalisation: as read, or put on devices.

    `sizes` are the images' heights and widths in pixels on their canvas, and `indices` tell
    augmentation which draw of which example it has; neither matters in evaluation. `labels` are
    numbers of classes; `mask` is 1 for examples that count and 0 for padding.
    """

    images: UInt8[np.ndarray | Array, "batch height width channel"]
    sizes: Int[np.ndarray | Array, "batch 2"]
    indices: Int[np.ndarray | Array, "batch"]
    labels: Int[np.ndarray | Array, "batch"]
    mask: Float[np.ndarray | Array, "batch"]


def epoch_order(
    seed: int, epoch: int, examples: int, groups: Int[np.ndarray, "examples"] | None = None
) -> Int[np.ndarray, "examples"]:
    """The draws of an epoch in random order: a function of seed, epoch and groups alone.

    Each example is drawn once; or, with the number of each example's group, as many as there are
    examples, from all groups alike. Then the k-th draw of an example after its first is its number
    plus k times the number of examples, so that augmentation tells them apart.
    """
    key = jax.random.fold_in(purpose_key(seed, ORDER), epoch)
    if groups is None:
        return np.asarray(jax.random.permutation(key, examples))
    random = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    # The groups take turns, so what does not divide evenly goes to others in every epoch.
    turns = (np.arange(examples) + random.integers(len(members))) % len(members)
    draws = [
        _drawn(random, group, int((turns == place).sum()), examples)
        for place, group in enumerate(members)
    ]
    return random.permutation(np.concatenate(draws))


def _drawn(
    random: np.random.Generator, group: Int[np.ndarray, "member"], count: int, examples: int
) -> Int[np.ndarray, "count"]:
    """So many draws of a group: all members in random order, again and again."""
    rounds = -(-count // len(group))
    # Draws beyond what 32 bits can number, of one image in thousands, are augmented alike.
    again = np.arange(rounds) % (np.iinfo(np.int32).max // examples)
    draws = [random.permutation(group) + examples * number for number in again]
    return np.concatenate([group[:0], *draws])[:count]


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
        places = part.indices % len(split.labels)
        return Examples(
            pixels[places],
            split.sizes[places],
            numbered_draws(split, part.indices),
            split.labels[places].clip(0),  # no one reads the class of unlabelled images
            part.mask,
        )

    if not isinstance(pixels, StoredPixels):
        return map(examples, parts)
    import grain  # takes long to import, and most sets are in memory

    ahead = grain.ReadOptions(num_threads=READERS, prefetch_buffer_size=READERS)
    return grain.MapDataset.source(parts).map(examples).to_iter_dataset(ahead)


def training_images(
    examples: Examples,
    key: PRNGKeyArray,
    epoch: Int[Array, ""],
    augmentation: Augmentation = STRONG,
) -> Float[Array, "batch 224 224 3"]:
    """Augmented, normalised images of a batch of augmentable views.

    Each is a function of key, epoch and its example, not of the batch that it lies in.
    """
    epoch_key = jax.random.fold_in(key, epoch)
    keys = jax.vmap(lambda index: jax.random.fold_in(epoch_key, index))(examples.indices)
    images, sizes = jnp.asarray(examples.images), jnp.asarray(examples.sizes)
    given = (keys, images, sizes)

    def one(image: tuple[Any, Any, Any]) -> Float[Array, "224 224 channel"]:
        return augment(*image, augmentation)

    if images.shape[1] * images.shape[2] <= LARGE:
        return normalise(jax.vmap(one)(given))
    return normalise(lax.map(one, given, batch_size=TOGETHER))


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
