"""What the compiled training step is given, batch by batch: images, features, or where they lie.

Each kind of work is a pair: what each device does with it, and the inputs of an epoch's steps.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, UInt8

from jaxcovid import parallel
from jaxcovid.config import Config
from jaxcovid.data import loader
from jaxcovid.data.augmentations import augmentation_of
from jaxcovid.data.dataset import Pool, Split
from jaxcovid.data.loader import Examples, Indices
from jaxcovid.parallel import Compiled, Devices
from jaxcovid.training.frozen_features import Features, training_batches
from jaxcovid.training.frozen_prefix import Prefix, steps_together
from jaxcovid.training.pytrees import Variables
from jaxcovid.training.step import Batch, Totals, TrainState

# Steps that an accelerator makes without looking up, and the share of its memory for images.
SCANNED, IMAGES_SHARE = 64, 0.25

# Training images that a report shows at most.
VIEWS = 8

# One step on a batch that is ready, as `step.make_train_step` returns it.
TrainStep = Callable[[TrainState, Batch], tuple[TrainState, Totals]]

# Images as they are read, normalised; augmentation depends on the number of the epoch.
_TrainingImages = Callable[[Examples, Int[Array, ""]], Float[Array, "batch height width channel"]]

# Pixels, sizes on their canvas, labels, and places in the pool, of all training images, on the
# devices.
_Resident = tuple[
    UInt8[Array, "n height width channel"], Int[Array, "n 2"], Int[Array, "n"], Int[Array, "n"]
]

# The number of each training image's group, if these are to be drawn alike.
Groups = Int[np.ndarray, "_"] | None

# The batches of an epoch by its number, padded for the devices.
_Batches = Callable[[int], list[Indices]]

# What the steps of one call are given besides state and epoch.
Inputs = tuple[Examples] | tuple[Batch] | tuple[Batch, np.int32] | tuple[_Resident, Indices]


class _Step(NamedTuple):
    """The draws of a step, which of them count, and what the frozen stages made of them."""

    draws: Int[Array, "*step batch"]
    mask: Float[Array, "*step batch"]
    outputs: Float[Array, "*step_batch_feature"] | None


class Work(NamedTuple):
    """How steps get their inputs.

    `compiled` takes (state, *inputs, epoch) to a new state and the totals of each step. The state's
    memory is used up. `inputs(epoch, first step)` gives how many steps the next inputs are for, and
    these, from that step of the epoch on; epochs are numbered from 1, their steps from 0.
    """

    compiled: Compiled[..., tuple[TrainState, Totals]]
    inputs: Callable[[int, int], Iterator[tuple[int, Inputs]]]


def training_work(
    config: Config,
    train: Split,
    features: Features | None,
    prefix: Prefix | None,
    train_step: TrainStep,
    devices: Devices,
    batch_size: int,
    groups: Groups = None,
) -> Work:
    """Steps on features if there are any, else on images: one by one, or many at a time.

    `batch_size` is the number of examples of a step, on all devices together, and `groups` are
    those of `loader.epoch_order`. The images of `train` are augmented if the settings ask for it;
    with a `prefix`, those of several steps pass the frozen stages at once, and `train_step` is
    given what comes out.
    """

    def batches(epoch: int) -> list[Indices]:
        order = loader.epoch_order(config.seed, epoch, len(train.labels), groups)
        return list(loader.batches(order, batch_size, devices.mesh.size))

    if features is not None:
        return _on_features(config, features, train.labels, train_step, devices, batches)
    if _resident(train, devices):
        return _scanned(config, train, prefix, train_step, devices, batches, batch_size)
    if prefix is not None:
        return _behind_prefix(config, train, prefix, train_step, devices, batches, batch_size)
    return _stepwise(config, train, train_step, devices, batches)


def first_views(
    config: Config, train: Split, batch_size: int, groups: Groups = None
) -> Float[np.ndarray, "n 224 224 3"]:
    """The first training images (at most VIEWS) of the first epoch, augmented and normalised."""
    order = loader.epoch_order(config.seed, 1, len(train.labels), groups)
    batch = Indices(*(rows[:VIEWS] for rows in next(loader.batches(order, batch_size))))
    augment = augmentation_of(config) is not None
    (examples,) = loader.read_batches(train, [batch], augment)
    images = _training_images(config)
    return np.asarray((jax.jit(images) if augment else images)(examples, jnp.int32(1)))


def _stepwise(
    config: Config, train: Split, train_step: TrainStep, devices: Devices, batches: _Batches
) -> Work:
    """One step at a time, its images gathered on the host."""
    images, augment = _training_images(config), augmentation_of(config) is not None

    def step(
        state: TrainState, examples: Examples, epoch: Int[Array, ""]
    ) -> tuple[TrainState, Totals]:
        labels, mask = jnp.asarray(examples.labels), jnp.asarray(examples.mask)
        return train_step(state, Batch(images(examples, epoch), labels, mask))

    def inputs(epoch: int, first: int) -> Iterator[tuple[int, tuple[Examples]]]:
        shares = [parallel.process_rows(batch) for batch in batches(epoch)[first:]]
        for examples in loader.read_batches(train, shares, augment):
            yield 1, (parallel.shares(examples, devices),)

    return Work(parallel.spread(step, devices, (False, True, False), donate=(0,)), inputs)


def _behind_prefix(
    config: Config,
    train: Split,
    prefix: Prefix,
    train_step: TrainStep,
    devices: Devices,
    batches: _Batches,
    batch_size: int,
) -> Work:
    """One step at a time, on what the frozen stages put out for the images of several steps."""
    images, augment = _training_images(config), augmentation_of(config) is not None
    steps = -(-len(train.labels) // batch_size)
    together = steps_together(steps, batch_size, prefix.together)

    def outputs(variables: Variables, examples: Examples, epoch: Int[Array, ""]) -> Batch:
        rows = prefix.outputs(variables, images(examples, epoch))
        batch = Batch(rows, jnp.asarray(examples.labels), jnp.asarray(examples.mask))
        return jax.tree.map(lambda rows: rows.reshape(-1, together, *rows.shape[1:]), batch)

    def step(
        state: TrainState, batches: Batch, place: Int[Array, ""], epoch: Int[Array, ""]
    ) -> tuple[TrainState, Totals]:
        del epoch
        return train_step(state, jax.tree.map(lambda rows: rows[:, place], batches))

    compiled = parallel.spread(outputs, devices, (False, True, False), split_results=True)

    def inputs(epoch: int, first: int) -> Iterator[tuple[int, tuple[Batch, np.int32]]]:
        of_epoch = batches(epoch)
        # These lie where they would from the epoch's first step on, so that sums are the same.
        starts = range(first // together * together, steps, together)
        joined = [_joined(of_epoch[start : start + together], together) for start in starts]
        shares = [parallel.process_rows(batch) for batch in joined]
        for start, examples in zip(
            starts, loader.read_batches(train, shares, augment), strict=True
        ):
            examples = parallel.shares(examples, devices)
            outputs = compiled(prefix.variables, examples, jnp.int32(epoch))
            for place in range(max(first - start, 0), min(together, steps - start)):
                yield 1, (outputs, np.int32(place))

    return Work(parallel.spread(step, devices, (False, True, False, False), donate=(0,)), inputs)


def _on_features(
    config: Config,
    features: Features,
    labels: Int[np.ndarray, "n"],
    train_step: TrainStep,
    devices: Devices,
    batches: _Batches,
) -> Work:
    """One step at a time, on features; the views take turns."""

    def step(state: TrainState, batch: Batch, epoch: Int[Array, ""]) -> tuple[TrainState, Totals]:
        return train_step(state, batch._replace(images=batch.images.astype(jnp.float32)))

    def inputs(epoch: int, first: int) -> Iterator[tuple[int, tuple[Batch]]]:
        shares = [parallel.process_rows(batch) for batch in batches(epoch)[first:]]
        for batch in training_batches(features, labels, shares, epoch):
            yield 1, (parallel.shares(batch, devices),)

    return Work(parallel.spread(step, devices, (False, True, False), donate=(0,)), inputs)


def _scanned(
    config: Config,
    train: Split,
    prefix: Prefix | None,
    train_step: TrainStep,
    devices: Devices,
    batches: _Batches,
    batch_size: int,
) -> Work:
    """Many steps in one program, on images that lie on the devices.

    On CPU a loop over convolutions is slower than single steps.
    """
    augmented = _training_images(config)
    pixels = train.evaluation if augmentation_of(config) is None else train.augmentable
    pool = train.pool or Pool(np.arange(len(train.labels), dtype=np.int32), len(train.labels))
    data = parallel.replicate((pixels, train.sizes, train.labels, pool.places), devices)
    every = config.checkpoint_every or SCANNED

    def steps(
        state: TrainState, data: _Resident, batches: Indices, epoch: Int[Array, ""]
    ) -> tuple[TrainState, Totals]:
        images, sizes, labels, of_pool = data
        draws, masks = (jnp.asarray(rows).T for rows in batches)

        def images_at(draws: Int[Array, "batch"]) -> Float[Array, "batch *feature"]:
            mask, places = jnp.ones(draws.shape), draws % len(labels)
            numbers = of_pool[places] + draws // len(labels) * pool.size
            examples = Examples(images[places], sizes[places], numbers, labels[places], mask)
            return augmented(examples, epoch)

        def one(state: TrainState, step: _Step) -> tuple[TrainState, Totals]:
            given = images_at(step.draws) if step.outputs is None else step.outputs
            return train_step(state, Batch(given, labels[step.draws % len(labels)], step.mask))

        outputs = None
        if prefix is not None:
            front = prefix.outputs
            most = steps_together(SCANNED, batch_size, prefix.together)
            together = min(len(draws), 1 << (most.bit_length() - 1))  # a power of 2, as all are
            frozen = {"params": state.params, "batch_stats": state.batch_stats}
            joined = draws.reshape(-1, together * draws.shape[1])
            rows = lax.map(lambda draws: front(frozen, images_at(draws)), joined)
            outputs = rows.reshape(*draws.shape, *rows.shape[2:])
        return lax.scan(one, state, _Step(draws, masks, outputs))

    def inputs(epoch: int, first: int) -> Iterator[tuple[int, tuple[_Resident, Indices]]]:
        of_epoch = batches(epoch)
        before = (epoch - 1) * len(of_epoch)
        while first < len(of_epoch):
            # Up to the next checkpoint, so that it is where it would be step by step.
            count = min(SCANNED, len(of_epoch) - first, every - (before + first) % every)
            count = 1 << (count.bit_length() - 1)  # a power of 2: every length is compiled once
            chunk = of_epoch[first : first + count]
            stacked = jax.tree.map(lambda *rows: np.stack(rows, 1), *chunk)
            yield count, (data, parallel.shares(stacked, devices))
            first += count

    split = (False, False, True, False)
    return Work(parallel.spread(steps, devices, split, donate=(0,)), inputs)


def _training_images(config: Config) -> _TrainingImages:
    """Images as they lie in memory, and the epoch, to what the network sees of them."""
    key = loader.purpose_key(config.seed, loader.AUGMENT)
    augmentation = augmentation_of(config)

    def images(
        examples: Examples, epoch: Int[Array, ""]
    ) -> Float[Array, "batch height width channel"]:
        if augmentation is not None:
            return loader.training_images(examples, key, epoch, augmentation)
        return loader.normalise(examples.images)

    return images


def _joined(batches: Sequence[Indices], length: int) -> Indices:
    """The examples of several batches, those of the same place in each batch together.

    So a device that holds a share of every batch holds its share of this, too. Batches that count
    for nothing fill it up to `length`.
    """
    padding = [jax.tree.map(np.zeros_like, batches[0])] * (length - len(batches))
    return jax.tree.map(lambda *rows: np.stack(rows, 1).reshape(-1), *batches, *padding)


def _resident(train: Split, devices: Devices) -> bool:
    """Whether the images are to lie on the devices: on accelerators, if there is room."""
    first = devices.mesh.devices.flat[0]
    if first.platform == "cpu" or jax.process_count() > 1:
        return False
    if not isinstance(train.augmentable, np.ndarray):
        return False
    limit = (first.memory_stats() or {}).get("bytes_limit", math.inf)
    return train.augmentable.nbytes <= IMAGES_SHARE * limit
