"""Outputs of the frozen part, computed once for every image and view; training reads them."""

import math
import tempfile
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from jax import lax
from jaxtyping import Array, Float, Int

from jaxcovid import parallel
from jaxcovid.data import loader
from jaxcovid.data.dataset import Split
from jaxcovid.data.loader import Examples, Indices
from jaxcovid.models import MODELS, Model, stage_of
from jaxcovid.models.quick import quick_forward
from jaxcovid.parallel import Devices
from jaxcovid.training.evaluation import Bar
from jaxcovid.training.images_together import ONE_IMAGE, images_together
from jaxcovid.training.pytrees import BatchStats, LabelTree, Params, Variables
from jaxcovid.training.step import Batch
from jaxcovid.training.trainable import FROZEN

# (params, batch_stats, examples, number of the view) to what the frozen part puts out.
_FrozenPart = Callable[..., Float[Array, "batch rows columns feature"]]


class Features(NamedTuple):
    """What the first stage that changes is given, for every image of a split.

    `evaluation` are those of the images as torchvision evaluates them, `views` those of augmented
    views of the training images: a row for each view, none in other splits. Both are of float32, or
    of float16 where the memory is short.
    """

    evaluation: Float[np.ndarray, "n *feature"]
    views: Float[np.ndarray, "view n *feature"]

    @property
    def nbytes(self) -> int:
        """Bytes that evaluation features and those of views take together."""
        return self.evaluation.nbytes + self.views.nbytes


# Features of earlier runs in the same process, by what they were computed from, then by split.
Kept = dict[Hashable, dict[str, Features]]


class Store(NamedTuple):
    """Features of earlier runs in other processes, by what they were computed from, by split."""

    read: Callable[[Hashable], dict[str, Features] | None]
    write: Callable[[Hashable, dict[str, Features]], None]


def compute_features(
    splits: Mapping[str, Split],
    model: Model,
    variables: Variables,
    start: str,
    devices: Devices,
    *,
    views: int,
    memory_budget: float,
    bar: Bar,
) -> dict[str, Features]:
    """What stage `start` is given for every image, and for `views` views of training images.

    Augmentation is a function of image and view alone, so one set of features serves every seed.
    They are kept in float32 if they fit in `memory_budget` bytes, else in float16, on disk if need
    be. The model's `axis_name` is `parallel.AXIS`, and `variables` lie on all `devices`.
    """
    alone = model.clone(axis_name=None)
    shape = jax.eval_shape(
        lambda images: before_stage(alone, variables, images, start), ONE_IMAGE
    ).shape[1:]
    rows = sum(len(split.labels) for split in splits.values())
    rows += views * len(splits["train"].labels)
    kind, on_disk = _storage(rows * math.prod(shape), memory_budget)
    plain = _compiled(model, start, devices, augment=False)
    together = images_together(model, devices)
    features = {}
    for name, split in splits.items():
        values = _empty((len(split.labels), *shape), kind, on_disk)
        _fill(
            values, plain, variables, split, devices, together, 0, False, bar, f"Features of {name}"
        )
        features[name] = Features(values, np.zeros((0, len(split.labels), *shape), kind))
    if views:
        train = splits["train"]
        augmented = _compiled(model, start, devices, augment=True)
        values = _empty((views, len(train.labels), *shape), kind, on_disk)
        for view in range(views):
            title = f"Features of view {view + 1} of {views}"
            _fill(
                values[view], augmented, variables, train, devices, together, view, True, bar, title
            )
        features["train"] = features["train"]._replace(views=values)
    return features


def kept_or_new(
    kept: Kept,
    key: Hashable,
    make: Callable[[], dict[str, Features]],
    memory_budget: float,
    store: Store | None = None,
) -> dict[str, Features]:
    """The features of `key` if they are kept, else those that `make` gives, which are then kept.

    Features are by split. The oldest in memory are dropped where all would take more than
    `memory_budget` bytes.
    """
    if key not in kept:
        stored = None if store is None else store.read(key)
        kept[key] = make() if stored is None else stored
        if store is not None and stored is None:
            store.write(key, kept[key])
        while len(kept) > 1 and sum(map(_bytes, kept.values())) > memory_budget:
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


def first_stage(model: Model, labels: LabelTree, live_norms: frozenset[str]) -> str:
    """The first stage in which a parameter trains or a batch norm is live."""
    changing = {
        path[0] for path, label in traverse_util.flatten_dict(labels).items() if label != FROZEN
    }
    changing |= {path.split("/")[0] for path in live_norms}
    return min((stage_of(model, name) for name in changing), key=model.stages.index)


def before_stage(
    model: Model,
    variables: Variables,
    images: Float[Array, "batch height width channel"],
    start: str,
) -> Float[Array, "batch rows columns feature"]:
    """What stage `start` is given of normalised images, and no more of it than it looks at.

    A head that averages over places is given their mean, as a single place.
    """
    stop = model.stages[model.stages.index(start) - 1]
    features = cast(Array, model.apply(variables, images, stop=stop))
    # The mean of a single place is that place.
    pooled = start == "head" and MODELS[model.architecture].averages
    return features.mean((1, 2), keepdims=True) if pooled else features


def _compiled(model: Model, start: str, devices: Devices, augment: bool) -> _FrozenPart:
    key = loader.purpose_key(0, loader.AUGMENT)
    quick = quick_forward(model)

    def features(
        params: Params, batch_stats: BatchStats, examples: Examples, view: Int[Array, ""]
    ) -> Float[Array, "batch rows columns feature"]:
        if augment:
            # As the first epochs of a run with seed 0 see them.
            images = loader.training_images(examples, key, view + 1)
        else:
            images = loader.normalise(examples.images)
        variables = {"params": params, "batch_stats": batch_stats}
        local = before_stage(quick, variables, images, start)
        return lax.all_gather(local.astype(jnp.float32), parallel.AXIS, tiled=True)

    return parallel.spread(features, devices, (False, False, True, False))


def _fill(
    target: np.ndarray,
    frozen: _FrozenPart,
    variables: Variables,
    split: Split,
    devices: Devices,
    together: int,
    view: int,
    augment: bool,
    bar: Bar,
    title: str,
) -> None:
    size = min(together, len(split.labels))
    batches = list(loader.batches(np.arange(len(split.labels)), size, devices.mesh.size))
    local = [parallel.process_rows(batch) for batch in batches]
    read = loader.read_batches(split, local, augmentable=augment)
    for batch, examples in zip(
        batches, bar(read, desc=title, total=len(batches), delay=0.5), strict=True
    ):
        inputs = parallel.shares(examples, devices)
        rows = np.asarray(
            frozen(variables["params"], variables["batch_stats"], inputs, np.int32(view))
        )
        real = batch.mask == 1
        target[batch.indices[real]] = rows[real]


def _bytes(features: Mapping[str, Features]) -> int:
    return sum(of_split.nbytes for of_split in features.values())


def _storage(elements: int, memory_budget: float) -> tuple[type[np.floating], bool]:
    """The number format, and whether the disk must hold it."""
    for kind in (np.float32, np.float16):
        if elements * np.dtype(kind).itemsize <= memory_budget:
            return kind, False
    return np.float16, True


def _empty(shape: tuple[int, ...], kind: type[np.floating], on_disk: bool) -> np.ndarray:
    if not on_disk:
        return np.zeros(shape, kind)
    # The name goes at once, the space with the process.
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, kind, "w+", shape=shape)
