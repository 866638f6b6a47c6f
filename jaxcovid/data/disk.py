"""Prepared images on disk: read when asked for, or all at once."""

import contextlib
import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar, cast, runtime_checkable

import numpy as np
from jaxtyping import Int, UInt8

from jaxcovid.data.dataset import MINIATURE, Header, Record, Split, place
from jaxcovid.data.preparation import CROP
from jaxcovid.errors import InputError, first_line, system_reason

Item = TypeVar("Item")


@runtime_checkable
class Progress(Protocol):
    """What may show a bar while items are gone through."""

    def __call__(self, items: Iterable[Item], description: str, length: int, /) -> Iterable[Item]:
        """The items, of which there are `length`; `description` says what is done with them."""
        ...


@runtime_checkable
class Records(Protocol):
    """Records of a split on disk, read when asked for.

    Each has the views "augmentable" and "evaluation", height x width x channel.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, position: int, /) -> Mapping[str, np.ndarray]:
        """The record at that position."""
        ...

    def __getitems__(self, positions: Sequence[int], /) -> Sequence[Mapping[str, np.ndarray]]:
        """The records at these positions, in that order, read together."""
        ...


class DamagedError(InputError):
    """Prepared images that were read and are not what was written."""


class Entry(NamedTuple):
    """What the index says of an image: enough to plan without reading pixels.

    `label` is the number of its class, -1 if unknown; `height` and `width` are those of its
    augmentable view, in pixels, 0 if not kept. `unreadable` is the reason if the file cannot
    be used, else empty; only then there is no `header`. `few_levels` is as in `Record`.
    """

    path: str
    label: int
    height: int
    width: int
    channels: int
    unreadable: str
    header: Header | None = None
    few_levels: int = 0

    @classmethod
    def from_json(cls, row: Sequence[Any]) -> "Entry":
        """The entry that JSON holds as lists."""
        entry = cls(*row)
        if entry.header is None:
            return entry
        width, height, mode, form, (first, second) = entry.header
        return entry._replace(header=Header(width, height, mode, form, (first, second)))


@dataclasses.dataclass(frozen=True)
class StoredPixels:
    """Stands for an array of images: `source` holds records, `field` names an image in each.

    `folder` is where they lie, `positions` which of them are meant, and `image_shape` (height,
    width, channels) the canvas that each image comes on.
    """

    folder: Path
    source: Records
    field: str
    positions: Int[np.ndarray, "n"]
    image_shape: tuple[int, int, int]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Number of images, height, width and channels, as of the array that this stands for."""
        return (len(self.positions), *self.image_shape)

    def __getitem__(
        self, indices: Int[np.ndarray, "m"], /
    ) -> UInt8[np.ndarray, "m height width channel"]:
        """Reads the images at these indices, in that order. Raises InputError if damaged."""
        batch = np.zeros((len(indices), *self.image_shape), np.uint8)
        if batch.size:
            positions = [int(position) for position in self.positions[indices]]
            with damage_as_input_error(self.folder):
                for canvas, record in zip(batch, self.source.__getitems__(positions), strict=True):
                    place(record[self.field], canvas)
        return batch

    def take(self, indices: Int[np.ndarray, "m"], /, axis: int) -> "StoredPixels":
        """The images at these indices, in that order, still on disk; `axis` is 0."""
        del axis
        return dataclasses.replace(self, positions=self.positions[indices])


def on_disk(folder: Path, source: Records, name: str, entries: Sequence[Entry]) -> Split:
    """The readable images of a split whose records are `source`; their pixels stay there.

    `folder` is where the records lie, `name` the split's, `entries` what the index says of each
    record. Raises ValueError if there are more or fewer of them than records.
    """
    if len(source) != len(entries):
        raise ValueError(f"{len(source)} {name} records, but the index lists {len(entries)}")
    readable = [entry for entry in entries if not entry.unreadable]
    positions = np.array([i for i, entry in enumerate(entries) if not entry.unreadable], np.int64)
    sizes = [(entry.height, entry.width) for entry in readable]
    channels = max((entry.channels for entry in readable), default=1)
    height, width = (max((size[axis] for size in sizes), default=0) for axis in (0, 1))
    return Split(
        StoredPixels(folder, source, "augmentable", positions, (height, width, channels)),
        np.array(sizes, np.int32).reshape(-1, 2),
        StoredPixels(folder, source, "evaluation", positions, (CROP, CROP, channels)),
        np.array([entry.label for entry in readable], np.int32),
        tuple(entry.path for entry in readable),
        StoredPixels(folder, source, "miniature", positions, (MINIATURE, MINIATURE, 1)),
        tuple(entry.header for entry in readable if entry.header is not None),
        np.array([entry.few_levels for entry in readable], np.int32),
    )


def in_memory(
    split: Split, name: str, progress: Progress, kept: list[Record | None] | None = None
) -> Split:
    """The split that `on_disk` gave under that name with its pixels read, each record once.

    Those that are `kept` are not read; each goes from the list when it has been taken.
    """
    stored = cast(StoredPixels, split.evaluation)
    augmentable = np.zeros(split.augmentable.shape, np.uint8)
    evaluation = np.zeros(stored.shape, np.uint8)
    miniatures = np.zeros(split.miniatures.shape, np.uint8)
    positions = [int(position) for position in stored.positions]
    for index, position in enumerate(progress(positions, f"Reading {name} images", len(positions))):
        record = stored.source[position] if kept is None else _taken(kept, position)
        if augmentable.size:
            place(record["augmentable"], augmentable[index])
        place(record["evaluation"], evaluation[index])
        place(record["miniature"], miniatures[index])
    return split._replace(augmentable=augmentable, evaluation=evaluation, miniatures=miniatures)


def _taken(kept: list[Record | None], position: int) -> Mapping[str, np.ndarray]:
    record, kept[position] = kept[position], None
    assert record is not None
    return record._asdict()


@contextlib.contextmanager
def damage_as_input_error(folder: Path) -> Iterator[None]:
    """While it lasts, whatever TFDS raises at prepared images in that folder is an InputError.

    It is a DamagedError unless the system could not read them.
    """
    try:
        yield
    except Exception as error:
        if reason := system_reason(error):
            raise InputError(
                [
                    f"the prepared images in {folder} cannot be read ({reason}); try again, or "
                    "set JAXCOVID_CACHE to another folder"
                ]
            ) from None
        raise DamagedError(
            [
                f"the prepared images in {folder} are damaged ({type(error).__name__}: "
                f"{first_line(error)}); delete that folder, and they are prepared again"
            ]
        ) from None


def pixel_bytes(split: Split) -> int:
    """Bytes that the pixels of a split take, or would take, in memory."""
    views = (split.augmentable, split.evaluation, split.miniatures)
    return sum(math.prod(view.shape) for view in views)
