"""Plain records of what was trained, measured and explained: names, numbers, arrays.

They lie below all that makes them and all that shows them.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

# Of each class, so many of the best images and as many of the worst are to be looked at.
EXAMPLES_OF_CLASS = 2

# Of so many findings, the commonest, there are images to look at.
MOST_FINDINGS_SHOWN = 8

# Of so many misclassified images a page shows small pictures, so many pixels wide.
MOST_MISTAKES, MISTAKE_SIZE = 60, 96

# In which order splits are looked at: those that played the least part in training first.
ORDER = ("test", "validation", "train")

# All images of a cross-validation, each as the network sees it that did not train on it.
OUT_OF_FOLD = "out_of_fold"

# What a classifier without the lungs is given, by its name in audit.json, in words.
FLOORS = {
    "headers": "file header (size, shape, mode, format, JPEG tables)",
    "border": "border of the image",
    "thumbnail": "16 x 16 thumbnail (coarse lungs in it)",
    "brightness": "brightness alone",
    "features_without_centre": "network's features, centre blanked",
    "shuffled": "shuffled labels (a control: 0.5 expected)",
}


class Epoch(NamedTuple):
    """A line of history.csv."""

    epoch: int
    step: int
    lr: float
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float
    images_per_second: float


class PlanRow(NamedTuple):
    """What becomes of one block in training."""

    block: str
    state: str
    parameters: int
    trainable: int
    batch_norm: str


class FreezeAudit(NamedTuple):
    """Digests of all arrays before training, compared with those after it."""

    frozen_unchanged: bool
    frozen_leaves: int
    trainable_leaves: int
    trainable_changed: int
    violations: tuple[str, ...]


class Training(NamedTuple):
    """How a network came to be; `views` is a batch as it saw it, normalised.

    `chosen` is the epoch after which it was measured and saved.
    """

    plan: Sequence[PlanRow]
    audit: FreezeAudit
    history: Sequence[Epoch]
    views: Float[np.ndarray, "n height width channel"]
    chosen: Epoch


class Measured(NamedTuple):
    """The images of a split, what a network says of them, and its metrics if all are labelled.

    Labels are -1 where unknown. `findings` are the probabilities of every output by itself, where
    classes imply others. `cautions` are sentences about the metrics. `patients` has equal numbers
    for images of one patient, where that is known. `mistakes` are small pictures of images that are
    classified wrong, by their places in the split: the most confidently wrong ones. `notes` say
    what else is to be known of an image, mostly nothing. `people` are digests of patients, empty
    where unknown, none if none is known.
    """

    paths: Sequence[str]
    labels: Int[np.ndarray, "n"]
    probabilities: Float[np.ndarray, "n class"]
    metrics: Mapping[str, Any] | None
    findings: Float[np.ndarray, "n output"] | None = None
    cautions: tuple[str, ...] = ()
    patients: Int[np.ndarray, "n"] | None = None
    mistakes: Mapping[int, UInt8[np.ndarray, "height width channel"]] = MappingProxyType({})
    notes: Sequence[str] = ()
    people: Sequence[str] = ()


class MeasuredFindings(NamedTuple):
    """The images of a split, which may have several findings, and what a network says of each.

    `targets` are 1 where a finding is there, 0 where not, NaN where that is unknown; of images
    without any label all are. Of unlabelled splits there are no `metrics`. The others are as in
    `Measured`.
    """

    paths: Sequence[str]
    targets: Float[np.ndarray, "n finding"]
    probabilities: Float[np.ndarray, "n finding"]
    metrics: Mapping[str, Any] | None
    patients: Int[np.ndarray, "n"] | None = None
    notes: Sequence[str] = ()
    people: Sequence[str] = ()


class Example(NamedTuple):
    """An image to look at, by its place in the split, and where the network looked in it.

    `heat` speaks for the predicted class. `best` tells whether the image is among the best of its
    class or among the worst.
    """

    place: int
    best: bool
    pixels: UInt8[np.ndarray, "height width channel"]
    heat: Float[np.ndarray, "rows columns"]


class Seen(NamedTuple):
    """How much of its images a network is given.

    `shares` (0 to 1) are the medians of each class, by name. `images` are whole ones in grey, one
    of each of the first of these classes, with the left, top, right and lower edge of what is seen
    in pixels.
    """

    shares: Mapping[str, float]
    images: Sequence[tuple[UInt8[np.ndarray, "_height _width"], tuple[float, float, float, float]]]


class Audit(NamedTuple):
    """Checks of data, as audit.json holds them by name; pictures of the pairs that look alike.

    `doubted` are pictures of the first images in `checks["labels"]["found"]`.

    `pictures` are of the first pairs in `checks["duplicates"]["found"]`, in that order, both images
    of a pair.
    """

    checks: Mapping[str, Mapping[str, Any]]
    pictures: Sequence[
        tuple[UInt8[np.ndarray, "height width channel"], UInt8[np.ndarray, "rows columns channels"]]
    ] = ()
    doubted: Sequence[UInt8[np.ndarray, "height width channel"]] = ()


class Parted(NamedTuple):
    """What networks of one fold, or of one seed, reach by themselves, for every fold or seed.

    `numbers` are those of the folds, from 1, or the seeds; `metrics` are of the images that a fold
    leaves out, or of all that are measured; `epochs` are those after which the networks were saved.
    """

    numbers: Sequence[int]
    metrics: Sequence[Mapping[str, Any]]
    epochs: Sequence[Sequence[int]]


class Results(NamedTuple):
    """Everything that a page shows. `examples` and `seen` are of the split `main`.

    `folds` are those of a cross-validation, and `fold_of` the number of each image's; `seeds` are
    those of several networks that answer together.

    >>> results = jaxcovid.evaluate(jaxcovid.load(run), xrays, "validation")
    >>> results.main, results.classes
    ('validation', ('covid', 'normal'))
    >>> results.splits["validation"].probabilities.shape
    (8, 2)
    """

    title: str
    classes: tuple[str, ...]
    splits: Mapping[str, Measured]
    main: str
    thresholds: Mapping[str, Mapping[str, float | None]]
    examples: Sequence[Example]
    settings: Mapping[str, Any]
    training: Training | None = None
    audit: Audit | None = None
    seen: Seen | None = None
    folds: Parted | None = None
    fold_of: Int[np.ndarray, "n"] | None = None
    seeds: Parted | None = None

    @property
    def of_own_run(self) -> bool:
        """Whether the images are those with which the network was made, not others."""
        return self.training is not None or self.folds is not None or self.seeds is not None


class FindingResults(NamedTuple):
    """Everything that a page shows of a network that tells several findings of each image.

    `thresholds` are those of `statistics.finding_points`; the verdict is about the split `main`.
    `examples` are of that, by the finding that they have: `heat` speaks for it.
    """

    title: str
    findings: tuple[str, ...]
    splits: Mapping[str, MeasuredFindings]
    main: str
    thresholds: Mapping[str, Mapping[str, float | None]]
    examples: Mapping[str, Sequence[Example]]
    settings: Mapping[str, Any]
    training: Training | None = None
    audit: Audit | None = None
