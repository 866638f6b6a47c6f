"""Outputs of the frozen part, computed once for every image and view; training reads them."""

import math
import tempfile
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from jaxcovid import parallel
from jaxcovid.data import loader
from jaxcovid.data.augmentations import STRONG, Augmentation
from jaxcovid.data.dataset import Split
from jaxcovid.data.loader import Examples, Indices
from jaxcovid.parallel import Devices
from jaxcovid.training.evaluation import Bar
from jaxcovid.training.frozen_prefix import Prefix
from jaxcovid.training.pytrees import Variables
from jaxcovid.training.step import Batch


class Features(NamedTuple):
    """What the first stage that changes is given, for every image of a split.

    `evaluation` are those of the images as torchvision evaluates them, `views` those of augmented
    views of the training images: a row for each view, none in other splits. Both are of
    the number format that the settings name.
    """

    evaluation: Float[np.ndarray, "n *feature"]
    views: Float[np.ndarray, "view n *feature"]

    @property
    def nbytes(self) -> int:
        """Bytes that evaluation features and those of views take together."""
        return self.evaluation.nbytes + self.views.nbytes


# Features of splits from earlier runs in the same process, by what they were computed from.
Kept = dict[Hashable, Features]


class Store(NamedTuple):
    """Features of splits from earlier runs in other processes, by what they were computed from."""

    read: Callable[[Hashable], Features | None]
    write: Callable[[Hashable, Features], None]


class Storage(NamedTuple):
    """The number format of features, and whether the disk must hold them."""

    kind: type[np.floating]
    on_disk: bool = False


# (split, name, storage, *, views, interrupted) to features.
Extract = Callable[..., Features]


def feature_extractor(
    prefix: Prefix, devices: Devices, bar: Bar, augmentation: Augmentation | None = STRONG
) -> Extract:
    """What takes a split to the outputs of the prefix for its images, compiled once for all splits.

    Of every image those of so many `views` are among them, none unless asked for: augmentation is
    a function of image and view alone, so one set of features serves every seed. `name` is what the
    progress bar calls the split. Raises KeyboardInterrupt after the batch in which `interrupted`
    says so.
    """
    compiled = {
        augment: _compiled(prefix, devices, augmentation if augment else None)
        for augment in (False, True)
    }

    def extract(
        split: Split,
        name: str,
        storage: Storage,
        *,
        views: int = 0,
        interrupted: Callable[[], bool] = bool,
    ) -> Features:
        count = len(split.labels)
        batches = list(loader.batches(np.arange(count), prefix.together, devices.mesh.size))
        local = [parallel.process_rows(batch) for batch in batches]

        def fill(target: np.ndarray, title: str, view: int | None) -> None:
            augment = view is not None
            read = bar(
                loader.read_batches(split, local, augmentable=augment),
                desc=title,
                total=len(batches),
                delay=0.5,
            )
            for batch, examples in zip(batches, read, strict=True):
                inputs = parallel.shares(examples, devices)
                rows = compiled[augment](prefix.variables, inputs, np.int32(view or 0))
                real = batch.mask == 1
                target[batch.indices[real]] = np.asarray(rows)[real]
                # Several processes must stop at the same place: after the next training step.
                if jax.process_count() == 1 and interrupted():
                    raise KeyboardInterrupt

        evaluation = _empty((count, *prefix.shape), storage)
        fill(evaluation, f"Features of {name}", None)
        of_views = _empty((views, count, *prefix.shape), storage)
        for view in range(views):
            fill(of_views[view], f"Features of view {view + 1} of {views}", view)
        return Features(evaluation, of_views)

    return extract


def feature_bytes(kind: type[np.floating], prefix: Prefix, rows: int) -> int:
    """Bytes that features of so many images take in that number format."""
    return rows * math.prod(prefix.shape) * np.dtype(kind).itemsize


def kept_or_new(
    kept: Kept,
    key: Hashable,
    make: Callable[[], Features],
    memory_budget: float,
    store: Store | None = None,
) -> Features:
    """The features of `key` if they are kept, else those that `make` gives, which are then kept.

    The oldest in memory are dropped where all would take more than `memory_budget` bytes.
    """
    if key not in kept:
        stored = None if store is None else store.read(key)
        kept[key] = make() if stored is None else stored
        if store is not None and stored is None:
            store.write(key, kept[key])
        while len(kept) > 1 and sum(features.nbytes for features in kept.values()) > memory_budget:
            kept.pop(next(iter(kept)))
    return kept[key]


def feature_batches(
    values: Float[np.ndarray, "n *feature"],
    labels: Int[np.ndarray, "n"],
    batches: Sequence[Indices],
) -> Iterator[Batch]:
    """The features of each batch in turn, as numpy arrays; padding has mask 0."""
    for batch in batches:
        # No one reads the class of unlabelled images. They are put on devices later.
        rows: Any = values[batch.indices], labels[batch.indices].clip(0), batch.mask
        yield Batch(*rows)


def training_batches(
    features: Features, labels: Int[np.ndarray, "n"], batches: Sequence[Indices], epoch: int
) -> Iterator[Batch]:
    """Of each batch of an epoch (from 1) in turn what the training step is given.

    Views take turns with every epoch, and with every further draw of an image within one.
    """
    for batch in batches:
        again, places = np.divmod(batch.indices, len(labels))
        if len(features.views):
            values = features.views[(epoch - 1 + again) % len(features.views), places]
        else:
            values = features.evaluation[places]
        rows: Any = values, labels[places], batch.mask
        yield Batch(*rows)


def _compiled(
    prefix: Prefix, devices: Devices, augmentation: Augmentation | None
) -> Callable[..., Float[Array, "batch *feature"]]:
    """(variables, examples, number of the view) to features."""
    key = loader.purpose_key(0, loader.AUGMENT)

    def features(
        variables: Variables, examples: Examples, view: Int[Array, ""]
    ) -> Float[Array, "batch *feature"]:
        if augmentation is not None:
            # As the first epochs of a run with seed 0 see them.
            images = loader.training_images(examples, key, view + 1, augmentation)
        else:
            images = loader.normalise(examples.images)
        local = prefix.outputs(variables, images).astype(jnp.float32)
        return lax.all_gather(local, parallel.AXIS, tiled=True)

    return parallel.spread(features, devices, (False, True, False))


def _empty(shape: tuple[int, ...], storage: Storage) -> np.ndarray:
    if not storage.on_disk or 0 in shape:
        return np.zeros(shape, storage.kind)
    # The name goes at once, the space with the process.
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, storage.kind, "w+", shape=shape)
