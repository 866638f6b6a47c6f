"""Any prepared TFDS image-classification set."""

import hashlib
import logging
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.core.registered import DatasetNotFoundError

from jaxcovid.data import images
from jaxcovid.data.dataset import Dataset, Record, assemble
from jaxcovid.data.folders import Progress
from jaxcovid.errors import InputError

# Share of "train" that stands in for a missing "validation" split.
HELD_OUT = 0.1


def load(name: str, progress: Progress) -> Dataset:
    """The splits of a TFDS set with features `image` and `label`.

    The set must lie prepared, in array_record format, in the folder that TFDS_DATA_DIR names
    (default ~/tensorflow_datasets). A set without validation split gives the last tenth of its
    training images for it. Raises InputError.
    """
    logging.getLogger("absl").setLevel(logging.ERROR)
    builder = _builder(name)
    info = builder.info
    problems = [
        f"tfds:{name}: no feature {key!r}, only {', '.join(info.features)}; jaxcovid needs an "
        "image-classification set"
        for key in ("image", "label")
        if key not in info.features
    ]
    if "train" not in info.splits:
        problems.append(f"tfds:{name}: no train split, only {', '.join(info.splits)}")
    if problems:
        raise InputError(problems)

    names = [split for split in ("train", "validation", "test") if split in info.splits]
    try:
        records = {split: _records(builder, split, progress) for split in names}
    except NotImplementedError as error:
        raise InputError(
            [
                f"tfds:{name}: {error}; prepare it with "
                f"tfds.builder({name!r}, file_format='array_record').download_and_prepare()"
            ]
        ) from None
    warnings = ()
    if "validation" not in records:
        train = records["train"]
        cut = len(train) - max(round(len(train) * HELD_OUT), 1)
        records["validation"] = train[cut:]
        records["train"] = train[:cut]
        warnings = (
            f"tfds:{name} has no validation split: the last {len(train) - cut} training images "
            "stand in for it",
        )
    digest = hashlib.blake2b(digest_size=16)
    for split in records.values():
        for record in split:
            digest.update(f"{record.path}\0{record.label}\0".encode())
            digest.update(record.evaluation.tobytes())
    return Dataset(
        name,
        tuple(info.features["label"].names),
        {
            split: assemble(split, records[split])
            for split in ("train", "validation", "test")
            if split in records
        },
        digest.hexdigest(),
        warnings=warnings,
    )


def _builder(name: str) -> Any:
    try:
        builder = tfds.builder(name, file_format="array_record", try_gcs=False)
        if not builder.info.splits:
            raise InputError(
                [
                    f"tfds:{name}: not prepared in {builder.data_dir}; prepare it with "
                    f"tfds.builder({name!r}, file_format='array_record').download_and_prepare()"
                ]
            )
    except (DatasetNotFoundError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError([f"--data: tfds:{name} is not a TFDS set ({reason})"]) from None
    return builder


def _records(builder: Any, split: str, progress: Progress) -> list[Record]:
    source = builder.as_data_source(split=split)
    return [
        images.prepare(
            images.to_8bit(Image.fromarray(np.squeeze(example["image"]))),
            int(example["label"]),
            f"{split}/{index:06d}",
        )
        for index, example in enumerate(progress(source, f"Preparing {split} images", len(source)))
    ]
