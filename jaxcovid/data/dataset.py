"""What every source of images becomes: uint8 pixels, one set per split."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int, UInt8

from jaxcovid.data.finding_codes import finding_codes
from jaxcovid.data.preparation import AS_TORCHVISION, Preparation
from jaxcovid.data.sides import SIDES

MINIATURE = 64  # pixels, both sides


class Record(NamedTuple):
    """One prepared image: its two views in 8 bits, each of one (grey) or three channels.

    `miniature` is all of it in grey, squeezed into a small square. `label` is the number of its
    class, -1 if that is unknown. `path` is relative to the data's folder, with slashes.
    `few_levels` is the number of its grey levels if it shows almost nothing, else 0.
    """

    augmentable: UInt8[np.ndarray, "height width channel"]
    evaluation: UInt8[np.ndarray, "224 224 channel"]
    miniature: UInt8[np.ndarray, "64 64 1"]
    label: int
    path: str
    few_levels: int = 0


class Header(NamedTuple):
    """What a file says of its image before any pixel is decoded; sides in pixels.

    `tables` are the means of a JPEG's first two quantization tables, 0 for what it has not.
    """

    width: int
    height: int
    mode: str
    format: str
    tables: tuple[float, float] = (0.0, 0.0)


@runtime_checkable
class Pixels(Protocol):
    """Images n x height x width x channel: an array in memory, or what reads them when indexed."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of images, height, width and channels."""
        ...

    def __getitem__(
        self, indices: Int[np.ndarray, "m"], /
    ) -> UInt8[np.ndarray, "m height width channel"]:
        """The images at these indices, in that order, in memory."""
        ...

    def take(self, indices: Int[np.ndarray, "m"], /, axis: int) -> "Pixels":
        """The images at these indices of axis 0, in that order, wherever they lie now."""
        ...


class Pool(NamedTuple):
    """What the images of a split were drawn from: their places there, and how many there are.

    Augmentation tells images apart by these places, so that an image is augmented alike in whatever
    fold it trains.
    """

    places: Int[np.ndarray, "n"]
    size: int


class Split(NamedTuple):
    """All images of one split.

    `augmentable` holds each image in the top left corner of a common canvas, `sizes` its height
    and width there in pixels; both are empty outside training. `evaluation` (n x 224 x 224 x
    channel) is what torchvision evaluates. Images have one channel if all of the split are grey,
    else three. `labels` are numbers of classes, -1 where the class is unknown. `miniatures` (n x 64
    x 64 x 1) show whole images in grey; `headers` are empty where images come from no files.
    `few_levels` are the numbers of grey levels of images that show almost nothing, 0 for others.
    `pool` is None where a split is all that there is of it.
    """

    augmentable: Pixels
    sizes: Int[np.ndarray, "n 2"]
    evaluation: Pixels
    labels: Int[np.ndarray, "n"]
    paths: tuple[str, ...]
    miniatures: Pixels
    headers: tuple[Header, ...] = ()
    few_levels: Int[np.ndarray, "n"] = np.zeros(0, np.int32)
    pool: Pool | None = None


class Row(NamedTuple):
    """What a table says of an image: its patient, and the values of further columns by name."""

    patient: str
    further: Mapping[str, str] = MappingProxyType({})


class Member(NamedTuple):
    """An image by its path relative to the data, and the split that it was drawn into.

    `label` and `patient` are "" if they are unknown.
    """

    file: str
    label: str
    patient: str
    split: str


class Dataset(NamedTuple):
    """Splits "train", "validation" and perhaps "test", and what is to be known about them.

    `fingerprint` is a digest of what decides the images and their labels. `skipped` are unreadable
    images and why, `ignored` other files. `patients` numbers the patient of every image of a split,
    if that is known; `patient_names` are their names, None where unknown. `columns` hold what else
    is known of the images of a split, by the column's name; empty where unknown. `copies` are the
    paths of files whose content is the same. `stored_side` is how many pixels the shorter side of
    an augmentable view has at most, `preparation` what was done to all images. `rows` hold what the
    data say of their images by path, None if that is looked for elsewhere; `tags` then hold what
    files say themselves. `members` are all images, where their splits were drawn, and `notes`
    sentences on what was made of the data. With `findings` an image may have several of these, and
    classes are combinations (`finding_codes`).
    """

    name: str
    classes: tuple[str, ...]
    splits: dict[str, Split]
    fingerprint: str
    skipped: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    patients: Mapping[str, Int[np.ndarray, "n"] | None] = MappingProxyType({})
    patient_names: Mapping[str, tuple[str | None, ...]] = MappingProxyType({})
    columns: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType({})
    copies: tuple[tuple[str, ...], ...] = ()
    stored_side: int = SIDES[0]
    preparation: Preparation = AS_TORCHVISION
    rows: Mapping[str, Row] | None = None
    tags: Mapping[str, Row] = MappingProxyType({})
    members: tuple[Member, ...] = ()
    notes: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


def assemble(name: str, records: Iterable[Record]) -> Split:
    """The split of that name in memory, its images on canvases of one size.

    Only "train" keeps the augmentable views. Grey images take all channels if any is in colour.
    """
    records = list(records)
    if name != "train":
        records = [record._replace(augmentable=record.augmentable[:0, :0]) for record in records]
    shapes = [record.augmentable.shape for record in records]
    channels = max((record.evaluation.shape[2] for record in records), default=1)
    height, width = (max((shape[axis] for shape in shapes), default=0) for axis in (0, 1))
    augmentable = np.zeros((len(records), height, width, channels), np.uint8)
    evaluation = np.zeros((len(records), 224, 224, channels), np.uint8)
    miniatures = np.zeros((len(records), MINIATURE, MINIATURE, 1), np.uint8)
    for index, record in enumerate(records):
        place(record.augmentable, augmentable[index])
        place(record.evaluation, evaluation[index])
        place(record.miniature, miniatures[index])
    return Split(
        augmentable,
        np.array([shape[:2] for shape in shapes], np.int32).reshape(-1, 2),
        evaluation,
        np.array([record.label for record in records], np.int32),
        tuple(record.path for record in records),
        miniatures,
        few_levels=np.array([record.few_levels for record in records], np.int32),
    )


def place(
    image: UInt8[np.ndarray, "height width channel"],
    canvas: UInt8[np.ndarray, "canvas_height canvas_width canvas_channel"],
) -> None:
    """Writes an image to the top left corner of a canvas at least as large, in place.

    A grey image takes all channels of a colour canvas.
    """
    canvas[: image.shape[0], : image.shape[1]] = image


def subset(split: Split, indices: Int[np.ndarray, "m"]) -> Split:
    """The images of a split at these indices, in that order; pixels on disk stay there."""
    return Split(
        split.augmentable.take(indices, axis=0),
        split.sizes[indices],
        split.evaluation.take(indices, axis=0),
        split.labels[indices],
        tuple(split.paths[index] for index in indices),
        split.miniatures.take(indices, axis=0),
        tuple(split.headers[index] for index in indices) if split.headers else (),
        split.few_levels[indices],
        None if split.pool is None else split.pool._replace(places=split.pool.places[indices]),
    )


def numbered_draws(split: Split, draws: Int[np.ndarray, "batch"]) -> Int[np.ndarray, "batch"]:
    """The numbers by which augmentation tells the draws of a split apart, see `epoch_order`."""
    if split.pool is None:
        return draws
    again, places = np.divmod(draws, len(split.labels))
    return (split.pool.places[places] + again * split.pool.size).astype(np.int32)


def images_of_classes(dataset: Dataset, split: Split) -> dict[str, int]:
    """How many images of a split are of each class, or have each finding for certain."""
    known = split.labels[split.labels >= 0]
    if dataset.findings:
        codes = finding_codes(dataset.classes, dataset.findings)[known]
        return dict(zip(dataset.findings, (codes == 1).sum(0).tolist(), strict=True))
    counts = np.bincount(known, minlength=len(dataset.classes)).tolist()
    return dict(zip(dataset.classes, counts, strict=True))
