"""What `--data` means: a folder, `tfds:NAME`, or nothing for the built-in phantoms."""

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
from PIL import Image

from jaxcovid.data import folders, images, phantom, tfds_sets
from jaxcovid.data.dataset import Dataset, assemble, subset
from jaxcovid.data.disk import Progress
from jaxcovid.data.loader import ORDER, purpose_key
from jaxcovid.errors import InputError


def load(
    data: str | None,
    cache: Path,
    *,
    skip_unreadable: bool = False,
    memory_budget: float = math.inf,
    progress: Progress = lambda items, _description, _length: items,
) -> Dataset:
    """The dataset that `--data` names; pixels of a folder over the budget stay on disk.

    Raises InputError.
    """
    if data is None:
        return phantoms(progress)
    if data.startswith("tfds:"):
        return tfds_sets.load(data.removeprefix("tfds:"), progress)
    return folders.load(
        Path(data),
        cache,
        skip_unreadable=skip_unreadable,
        memory_budget=memory_budget,
        progress=progress,
    )


def external(
    folder: Path,
    split: str,
    classes: Sequence[str],
    cache: Path,
    *,
    merge: Sequence[str] = (),
    skip_unreadable: bool = False,
    memory_budget: float = math.inf,
    progress: Progress = lambda items, _description, _length: items,
) -> Dataset:
    """That split of a folder alone, labelled as a model of these classes numbers them.

    `merge` says which classes the model's were joined from: the folder may have either.
    Raises InputError, also at a class that the model does not know.
    """
    return folders.external(
        folder,
        split,
        classes,
        cache,
        merge=merge,
        skip_unreadable=skip_unreadable,
        memory_budget=memory_budget,
        progress=progress,
    )


def phantoms(progress: Progress = lambda items, _description, _length: items) -> Dataset:
    """The built-in set of drawn chest X-rays, always the same."""
    digest = hashlib.blake2b(digest_size=16)
    splits = {}
    for name in progress(phantom.SIZES, "Drawing phantoms", len(phantom.SIZES)):
        pixels, labels, paths = phantom.split(name)
        digest.update(pixels.tobytes())
        records = [
            images.prepare(Image.fromarray(image), label, f"{path}.png")
            for image, label, path in zip(pixels, labels, paths, strict=True)
        ]
        splits[name] = assemble(name, records)
    return Dataset("phantoms", phantom.CLASSES, splits, digest.hexdigest())


def limit_train(dataset: Dataset, limit: int | None, seed: int) -> Dataset:
    """Only so many training images, chosen by seed and spread over the classes alike."""
    train = dataset.splits["train"]
    if limit is None or limit >= len(train.labels):
        return dataset
    if limit < len(dataset.classes):
        raise InputError(
            [f"--limit-train: {limit} is too few for {len(dataset.classes)} classes; raise it"]
        )
    order = np.asarray(jax.random.permutation(purpose_key(seed, ORDER), len(train.labels)))
    # The k-th image of each class in turn: rank within the class first, then the random order.
    rank = np.empty(len(order), np.int64)
    for label in range(len(dataset.classes)):
        members = order[train.labels[order] == label]
        rank[members] = np.arange(len(members))
    chosen = np.sort(order[np.argsort(rank[order], kind="stable")][:limit])
    return dataset._replace(splits={**dataset.splits, "train": subset(train, chosen)})
