"""Any prepared TFDS image-classification set."""

import contextlib
import hashlib
import logging
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from jaxcovid.data import images
from jaxcovid.data.dataset import Dataset, Record, assemble
from jaxcovid.data.disk import Progress
from jaxcovid.data.preparation import AS_TORCHVISION, Preparation
from jaxcovid.data.sides import caution, choose_side, sided
from jaxcovid.errors import InputError, check, first_line

# Where "validation" is missing, one of so many training images stands in for it.
HELD_OUT = 10


def load_tfds(
    name: str,
    progress: Progress,
    stored_side: int | None = None,
    preparation: Preparation = AS_TORCHVISION,
) -> Dataset:
    """The splits of a TFDS set with features `image` and `label`, in memory.

    The set must lie prepared, in array_record format, in the folder that TFDS_DATA_DIR names
    (default ~/tensorflow_datasets). A set without validation split gives a tenth of its training
    images for it. `stored_side` and `preparation` are as in `sources.load_dataset`. Raises
    InputError if there is no such set, it is not prepared, or it has no images, classes or training
    split.
    """
    logging.getLogger("absl").setLevel(logging.ERROR)
    builder = _builder(name)
    info = builder.info
    check(_problems(name, info))
    names = [split for split in ("train", "validation", "test") if split in info.splits]
    try:
        sizes = _sizes(builder, progress)
        side = choose_side(sizes) if stored_side is None else stored_side
        records = {split: _records(builder, split, side, preparation, progress) for split in names}
    except NotImplementedError as error:
        raise InputError([f"tfds:{name}: {error}; {_how_to_prepare(name)}"]) from None
    warnings = ()
    if "validation" not in records:
        train, held = _hold_out(records["train"])
        records["train"], records["validation"] = train, held
        warnings = (
            f"tfds:{name} has no validation split: {len(held)} training images, every tenth of "
            "each class, stand in for it",
        )
    classes = tuple(info.features["label"].names)
    present = {record.label for record in records["train"]}
    check(
        [
            f"tfds:{name}: no training image of class {label!r}"
            for index, label in enumerate(classes)
            if index not in present
        ]
    )
    splits = {
        split: assemble(split, records[split])
        for split in ("train", "validation", "test")
        if split in records
    }
    if sentence := caution(sizes, side):
        warnings = (*warnings, sentence)
    return Dataset(
        name,
        classes,
        splits,
        sided(_fingerprint(records), side, preparation),
        warnings=warnings,
        stored_side=side,
        preparation=preparation,
    )


def _problems(name: str, info: Any) -> list[str]:
    """What keeps the set from being one of images with a class each."""
    problems = [
        f"tfds:{name}: no feature {key!r}, only {', '.join(info.features)}; jaxcovid needs an "
        "image-classification set"
        for key in ("image", "label")
        if key not in info.features
    ]
    if not problems and not hasattr(info.features["label"], "names"):
        problems.append(f"tfds:{name}: its labels are no classes")
    if "train" not in info.splits:
        problems.append(f"tfds:{name}: no train split, only {', '.join(info.splits)}")
    return problems


def _fingerprint(records: Mapping[str, Sequence[Record]]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for split in records.values():
        for record in split:
            digest.update(f"{record.path}\0{record.label}\0".encode())
            digest.update(record.evaluation.tobytes())
    return digest.hexdigest()


def _how_to_prepare(name: str) -> str:
    call = f"tfds.builder({name!r}, file_format='array_record').download_and_prepare()"
    return f"prepare it with {call}"


def _hold_out(records: list[Record]) -> tuple[list[Record], list[Record]]:
    """Every tenth image of each class, from the second on, and the others before them."""
    seen: Counter[int] = Counter()
    train, held = [], []
    for record in records:
        seen[record.label] += 1
        (held if seen[record.label] % HELD_OUT == 2 else train).append(record)
    return train, held


# The type of a builder is not written: TFDS hides the signatures of its methods from type checkers.
def _builder(name: str) -> Any:
    try:
        with _no_temporary_files():
            builder = tfds.builder(name, file_format="array_record", try_gcs=False)
        if not builder.info.splits:
            raise InputError(
                [f"tfds:{name}: not prepared in {builder.data_dir}; {_how_to_prepare(name)}"]
            )
    except InputError:
        raise
    except Exception as error:  # TFDS tells of bad names in many ways
        raise InputError([f"`data`: tfds:{name} is not a TFDS set ({first_line(error)})"]) from None
    return builder


def _sizes(builder: Any, progress: Progress) -> list[tuple[int, int]]:
    """The widths and heights of the training images, in pixels."""
    source = builder.as_data_source(split="train")
    examples = progress(source, "Measuring train images", len(source))
    shapes = [example["image"].shape for example in examples]
    return [(width, height) for height, width, *_ in shapes]


@contextlib.contextmanager
def _no_temporary_files() -> Iterator[None]:
    """While it lasts, what is made in the folder for temporary files goes at the end.

    TFDS makes a folder there for each set that is not prepared, and leaves it.
    """
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before


def _records(
    builder: Any, split: str, side: int, preparation: Preparation, progress: Progress
) -> list[Record]:
    source = builder.as_data_source(split=split)
    return [
        images.prepare(
            images.to_8bit(Image.fromarray(np.squeeze(example["image"]))),
            int(example["label"]),
            f"{split}/{index:06d}",
            side,
            preparation,
        )
        for index, example in enumerate(progress(source, f"Preparing {split} images", len(source)))
    ]
