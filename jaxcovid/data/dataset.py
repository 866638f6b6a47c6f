"""What every source of images becomes: uint8 arrays, one set per split."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, UInt8


class Record(NamedTuple):
    """One prepared image; `label` is -1 if unknown."""

    augmentable: UInt8[np.ndarray, "height width channel"]
    evaluation: UInt8[np.ndarray, "224 224 channel"]
    label: int
    path: str


class Split(NamedTuple):
    """All images of one split.

    `augmentable` holds each image in the top left corner of a common canvas, `sizes` its height
    and width there; both are empty outside training. `evaluation` is as torchvision evaluates.
    Images have one channel if all of the split are grey.
    """

    augmentable: UInt8[np.ndarray, "n height width channel"]
    sizes: Int[np.ndarray, "n 2"]
    evaluation: UInt8[np.ndarray, "n 224 224 channel"]
    labels: Int[np.ndarray, "n"]
    paths: tuple[str, ...]


class Dataset(NamedTuple):
    """Splits "train", "validation" and perhaps "test", and what is to be known about them."""

    name: str
    classes: tuple[str, ...]
    splits: dict[str, Split]
    fingerprint: str
    skipped: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def assemble(name: str, records: Iterable[Record]) -> Split:
    """The arrays of the split of that name."""
    records = list(records)
    if name != "train":
        records = [record._replace(augmentable=record.augmentable[:0, :0]) for record in records]
    shapes = [record.augmentable.shape for record in records]
    channels = max((record.evaluation.shape[2] for record in records), default=1)
    height, width = (max((shape[axis] for shape in shapes), default=0) for axis in (0, 1))
    augmentable = np.zeros((len(records), height, width, channels), np.uint8)
    evaluation = np.zeros((len(records), 224, 224, channels), np.uint8)
    for index, record in enumerate(records):
        augmentable[index, : shapes[index][0], : shapes[index][1]] = record.augmentable
        evaluation[index] = record.evaluation  # a grey image takes all channels of a colour set
    return Split(
        augmentable,
        np.array([shape[:2] for shape in shapes], np.int32).reshape(-1, 2),
        evaluation,
        np.array([record.label for record in records], np.int32),
        tuple(record.path for record in records),
    )


def subset(split: Split, indices: Int[np.ndarray, "m"]) -> Split:
    """The chosen images, in that order."""
    return Split(
        split.augmentable[indices],
        split.sizes[indices],
        split.evaluation[indices],
        split.labels[indices],
        tuple(split.paths[index] for index in indices),
    )
