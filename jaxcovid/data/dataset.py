"""What every source of images becomes: uint8 pixels, one set per split."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import Int, UInt8


class Record(NamedTuple):
    """One prepared image; `label` is -1 if unknown."""

    augmentable: UInt8[np.ndarray, "height width channel"]
    evaluation: UInt8[np.ndarray, "224 224 channel"]
    label: int
    path: str


class Pixels(Protocol):
    """Images n x height x width x channel: an array in memory, or what reads them when indexed."""

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array."""
        ...

    def __getitem__(self, indices: Any, /) -> UInt8[np.ndarray, "m height width channel"]:
        """The chosen images, in memory."""
        ...

    def take(self, indices: Any, /, axis: int) -> Any:
        """A set of the chosen images along axis 0."""
        ...


class Split(NamedTuple):
    """All images of one split.

    `augmentable` holds each image in the top left corner of a common canvas, `sizes` its height
    and width there; both are empty outside training. `evaluation` is as torchvision evaluates.
    Images have one channel if all of the split are grey.
    """

    augmentable: Pixels
    sizes: Int[np.ndarray, "n 2"]
    evaluation: Pixels
    labels: Int[np.ndarray, "n"]
    paths: tuple[str, ...]


class Dataset(NamedTuple):
    """Splits "train", "validation" and perhaps "test", and what is to be known about them.

    `patients` numbers the patient of every image of a split, if that is known.
    """

    name: str
    classes: tuple[str, ...]
    splits: dict[str, Split]
    fingerprint: str
    skipped: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    patients: Mapping[str, Int[np.ndarray, "n"] | None] = MappingProxyType({})


def assemble(name: str, records: Iterable[Record]) -> Split:
    """The split of that name, in memory."""
    records = list(records)
    if name != "train":
        records = [record._replace(augmentable=record.augmentable[:0, :0]) for record in records]
    shapes = [record.augmentable.shape for record in records]
    channels = max((record.evaluation.shape[2] for record in records), default=1)
    height, width = (max((shape[axis] for shape in shapes), default=0) for axis in (0, 1))
    augmentable = np.zeros((len(records), height, width, channels), np.uint8)
    evaluation = np.zeros((len(records), 224, 224, channels), np.uint8)
    for index, record in enumerate(records):
        place(record.augmentable, augmentable[index])
        place(record.evaluation, evaluation[index])
    return Split(
        augmentable,
        np.array([shape[:2] for shape in shapes], np.int32).reshape(-1, 2),
        evaluation,
        np.array([record.label for record in records], np.int32),
        tuple(record.path for record in records),
    )


def place(
    image: UInt8[np.ndarray, "height width channel"],
    canvas: UInt8[np.ndarray, "canvas_height canvas_width canvas_channel"],
) -> None:
    """Puts an image in the top left corner; a grey one takes all channels of a colour canvas."""
    canvas[: image.shape[0], : image.shape[1]] = image


def subset(split: Split, indices: Int[np.ndarray, "m"]) -> Split:
    """The chosen images, in that order."""
    return Split(
        split.augmentable.take(indices, axis=0),
        split.sizes[indices],
        split.evaluation.take(indices, axis=0),
        split.labels[indices],
        tuple(split.paths[index] for index in indices),
    )
