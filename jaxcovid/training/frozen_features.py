"""Outputs of the frozen part, computed once for every image and view; training reads them."""

import math
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from jax import lax
from jaxtyping import Array, Float

from jaxcovid import parallel
from jaxcovid.data import loader
from jaxcovid.data.dataset import Split
from jaxcovid.data.loader import Examples
from jaxcovid.errors import NothingFrozenError
from jaxcovid.models import Model, stage_of
from jaxcovid.parallel import Devices
from jaxcovid.training.evaluation import BATCH, Bar
from jaxcovid.training.trainable import FROZEN

# The shape of an image.
BLANK = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)

# (params, batch_stats, examples, view) to the frozen part's output.
Frozen = Callable[..., Any]

# Features of earlier runs in the same process, by what they were computed from.
Kept = dict[Any, dict[str, Split]]


def kept_or_new(
    kept: Kept,
    key: Any,
    splits: Mapping[str, Split],
    make: Callable[[], dict[str, Split]],
    memory_budget: float,
) -> dict[str, Split]:
    """The splits with features in place of images: those of `key` if they are kept, else new.

    New ones are kept too; the oldest go where all would take more than the budget.
    """
    if key not in kept:
        kept[key] = make()
        while len(kept) > 1 and sum(map(_bytes, kept.values())) > memory_budget:
            kept.pop(next(iter(kept)))
    return {
        name: split._replace(
            evaluation=kept[key][name].evaluation, augmentable=kept[key][name].augmentable
        )
        for name, split in splits.items()
    }


def cached(
    splits: Mapping[str, Split],
    model: Model,
    variables: Any,
    start: str,
    devices: Devices,
    *,
    views: int,
    memory_budget: float,
    bar: Bar,
) -> dict[str, Split]:
    """The splits with the inputs of stage `start` in place of images.

    `augmentable` of the training split holds `views` augmented versions of every image, as
    view x image x feature; with no views it stays empty. Augmentation is a function of image and
    view alone, so one cache serves every seed. Features are kept in float32 if they fit in
    `memory_budget` bytes, else in float16, on disk if need be.
    """
    alone = model.clone(axis_name=None)
    shape = jax.eval_shape(
        lambda images: before_stage(alone, variables, images, start), BLANK
    ).shape[1:]
    rows = sum(len(split.labels) for split in splits.values())
    rows += views * len(splits["train"].labels)
    kind, on_disk = _storage(rows * math.prod(shape), memory_budget)
    plain = _compiled(model, start, devices, augment=False)
    found = {}
    for name, split in splits.items():
        features = _empty((len(split.labels), *shape), kind, on_disk)
        _fill(features, plain, variables, split, devices, 0, False, bar, f"Features of {name}")
        nothing = np.zeros((len(split.labels), 0), kind)
        found[name] = split._replace(evaluation=features, augmentable=nothing)
    if views:
        train = splits["train"]
        augmented = _compiled(model, start, devices, augment=True)
        features = _empty((views, len(train.labels), *shape), kind, on_disk)
        for view in range(views):
            title = f"Features of view {view + 1} of {views}"
            _fill(features[view], augmented, variables, train, devices, view, True, bar, title)
        found["train"] = found["train"]._replace(augmentable=features)
    return found


def first_stage(model: Model, labels: Any, live_norms: frozenset[str]) -> str:
    """The first stage in which anything trains or is updated.

    Raises NothingFrozenError if that is the first of all, so that there is nothing to cache.
    """
    changing = {
        path[0] for path, each in traverse_util.flatten_dict(labels).items() if each != FROZEN
    }
    changing |= {path.split("/")[0] for path in live_norms}
    start = min((stage_of(model, name) for name in changing), key=model.stages.index)
    if start == model.stages[0]:
        raise NothingFrozenError(
            [
                "--views: training changes the network from its first layer on, so there are no "
                "features to keep; leave it out, or choose another --trainable or --batch-norm"
            ]
        )
    return start


def before_stage(
    model: Model, variables: Any, images: Float[Array, "batch height width channel"], start: str
) -> Float[Array, "batch rows columns feature"]:
    """What stage `start` is given, and no more of it than it looks at."""
    stop = model.stages[model.stages.index(start) - 1]
    features: Any = model.apply(variables, images, stop=stop)
    # ResNet's head takes the mean first; that of a single place is the place itself.
    pooled = start == "head" and features.shape[-1] == 512 and "stem" in model.stages
    return features.mean((1, 2), keepdims=True) if pooled else features


def _compiled(model: Model, start: str, devices: Devices, augment: bool) -> Frozen:
    key = loader.purpose_key(0, loader.AUGMENT)

    def features(params: Any, batch_stats: Any, examples: Examples, view: Any) -> Any:
        if augment:
            # As the first epochs of a run with seed 0 see them.
            images = loader.training_images(examples, key, view + 1)
        else:
            images = loader.normalise(examples.images)
        variables = {"params": params, "batch_stats": batch_stats}
        own = before_stage(model, variables, images, start)
        return lax.all_gather(own.astype(jnp.float32), parallel.AXIS, tiled=True)

    return parallel.spread(features, devices, (False, False, True, False))


def _fill(
    target: np.ndarray,
    frozen: Frozen,
    variables: Any,
    split: Split,
    devices: Devices,
    view: int,
    augment: bool,
    bar: Bar,
    title: str,
) -> None:
    size = min(BATCH, len(split.labels))
    parts = list(loader.batches(np.arange(len(split.labels)), size, devices.mesh.size))
    own = [parallel.own_rows(part) for part in parts]
    read = loader.read(split, own, augmentable=augment)
    for part, examples in zip(
        parts, bar(read, desc=title, total=len(parts), delay=0.5), strict=True
    ):
        inputs = parallel.shares(examples, devices)
        rows = np.asarray(
            frozen(variables["params"], variables["batch_stats"], inputs, np.int32(view))
        )
        real = part.mask == 1
        target[part.indices[real]] = rows[real]


def _bytes(splits: Mapping[str, Split]) -> int:
    arrays: list[Any] = [
        each for split in splits.values() for each in (split.evaluation, split.augmentable)
    ]
    return sum(each.nbytes for each in arrays)


def _storage(elements: int, memory_budget: float) -> tuple[type, bool]:
    """The number format, and whether the disk must hold it."""
    for kind in (np.float32, np.float16):
        if elements * np.dtype(kind).itemsize <= memory_budget:
            return kind, False
    return np.float16, True


def _empty(shape: tuple[int, ...], kind: type, on_disk: bool) -> np.ndarray:
    if not on_disk:
        return np.zeros(shape, kind)
    # The name goes at once, the space with the process.
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, kind, "w+", shape=shape)
