"""When a run computes features of its frozen part, and what they depend on."""

import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from jaxcovid.config import Config
from jaxcovid.data.augmentations import augmentation_of
from jaxcovid.data.dataset import Dataset
from jaxcovid.parallel import Devices
from jaxcovid.training.evaluation import Bar
from jaxcovid.training.frozen_features import (
    Features,
    Kept,
    Storage,
    Store,
    feature_bytes,
    feature_extractor,
    kept_or_new,
)
from jaxcovid.training.frozen_prefix import Prefix
from jaxcovid.training.parts import Parts
from jaxcovid.training.training_data import memory_budget

# What features may take that no setting asks for: evaluation is quicker with them.
UNASKED_BYTES = 2**29


class FrozenPart(NamedTuple):
    """What the frozen part puts out for every image of a split, and the stage that goes on.

    `features(split, interrupted)` computes them when they are first asked for. Raises
    KeyboardInterrupt if `interrupted` says so meanwhile.
    """

    start: str
    features: Callable[[str, Callable[[], bool]], Features]


def frozen_part(
    config: Config,
    parts: Parts,
    dataset: Dataset,
    prefix: Prefix,
    digests: Mapping[str, str],
    devices: Devices,
    bar: Bar,
    kept: Kept,
    store: Store | None,
) -> FrozenPart | None:
    """The features of the prefix; None if no setting asks for them and images serve better.

    `digests` are those of all frozen leaves, by path. `kept` and `store` have features of earlier
    runs.
    """
    storage = _storage(config, parts, dataset, prefix)
    if storage is None:
        return None
    augmentation = augmentation_of(config)
    # One batch size for all splits, so that one program is compiled.
    largest = max(len(split.labels) for split in dataset.splits.values())
    prefix = prefix._replace(together=min(prefix.together, largest))
    extract = feature_extractor(prefix, devices, bar, augmentation)
    of_run: dict[str, Features] = {}  # `kept` may let them go

    def features(name: str, interrupted: Callable[[], bool]) -> Features:
        if name in of_run:
            return of_run[name]
        split, views = dataset.splits[name], _views(config) if name == "train" else 0
        # All that features depend on.
        key = (
            *(dataset.fingerprint, split.paths, storage.kind.__name__, views),
            augmentation if views else None,
            *(() if split.pool is None else (split.pool.size, split.pool.places.tobytes())),
            *(config.model, prefix.start, config.precision),
            *sorted(digests.items()),
        )
        make = functools.partial(
            extract, split, name, storage, views=views, interrupted=interrupted
        )
        of_run[name] = kept_or_new(kept, key, make, memory_budget(config), store)
        return of_run[name]

    return FrozenPart(prefix.start, features)


def _storage(config: Config, parts: Parts, dataset: Dataset, prefix: Prefix) -> Storage | None:
    """How features are kept: the memory budget decides only where they lie.

    None where no setting asks for them and they take much memory, or images are not evaluated one
    by one.
    """
    counts = {name: len(split.labels) for name, split in dataset.splits.items()}
    rows, budget = sum(counts.values()) + _views(config) * counts["train"], memory_budget(config)
    if not config.views and parts.evaluation is not None:
        return None
    kind, most = np.float32, UNASKED_BYTES
    if config.feature_precision == "float16":
        kind = np.float16
    elif config.feature_precision == "by_memory":  # as older runs did
        most = min(most, budget)
        if config.views and feature_bytes(np.float32, prefix, rows) > budget:
            kind = np.float16
    needed = feature_bytes(kind, prefix, rows)
    if not config.views and needed > most:
        return None
    return Storage(kind, on_disk=needed > budget)


def _views(config: Config) -> int:
    """How many augmented views of each training image are kept."""
    return 0 if augmentation_of(config) is None else config.views
