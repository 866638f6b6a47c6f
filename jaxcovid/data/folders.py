"""Image folders, prepared once by a TFDS builder and read back as arrays."""

import contextlib
import io
import logging
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import tensorflow_datasets as tfds

from jaxcovid.data import images
from jaxcovid.data.dataset import Dataset, Record, Split, assemble
from jaxcovid.data.layout import ImageFile, Layout, fingerprint, scan, shared_between_splits
from jaxcovid.errors import InputError, check

# TFDS 4.9 cannot read back arrays of fewer than three bytes.
PLACEHOLDER = np.zeros((2, 2, 1), np.uint8)

# progress(iterable, description, length) is the iterable, perhaps with a bar.
Progress = Callable[[Any, str, int], Any]


def load(folder: Path, cache: Path, *, skip_unreadable: bool, progress: Progress) -> Dataset:
    """The images of a folder laid out as split/class/image.

    The prepared images are kept in `cache` under the fingerprint of the folder's content. Raises
    InputError with every unreadable image, unless they are to be skipped.
    """
    layout = scan(folder)
    digest, layout = fingerprint(
        layout, folder, lambda files: progress(files, "Fingerprinting images", len(layout.files))
    )
    builder = _prepared(layout, folder, cache / "prepared" / digest, progress)
    splits, unreadable = _read(builder, progress)
    if unreadable and not skip_unreadable:
        raise InputError(
            [f"{folder}/{problem}" for problem in unreadable]
            + [
                f"--data: {len(unreadable)} unreadable image(s), listed above; repair or remove "
                "them, or pass --skip-unreadable"
            ]
        )
    check(_nothing_left(splits, layout, folder))
    pairs = shared_between_splits(layout, folder)
    return Dataset(
        folder.resolve().name,
        layout.classes,
        splits,
        digest,
        skipped=tuple(unreadable),
        ignored=layout.ignored,
        warnings=(
            (f"{len(pairs)} image(s) occur in two splits, such as {pairs[0]}",) if pairs else ()
        ),
    )


class Folder(tfds.core.GeneratorBasedBuilder):
    """Decodes every image once.

    Records lie in the folder's order. Every file has one: that of an unreadable file holds the
    reason, so that it is known also when the images come from the cache.
    """

    # Raise it when what is stored changes.
    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *, layout: Layout, folder: Path, progress: Progress, **options: Any):
        self._layout, self._folder, self._progress = layout, folder, progress
        super().__init__(**options)

    def _info(self) -> tfds.core.DatasetInfo:
        pixels = tfds.features.Tensor(
            shape=(None, None, None), dtype=np.uint8, encoding=tfds.features.Encoding.BYTES
        )
        return tfds.core.DatasetInfo(
            builder=self,
            disable_shuffling=True,
            features=tfds.features.FeaturesDict(
                {
                    "augmentable": pixels,
                    "evaluation": pixels,
                    "label": tfds.features.Scalar(dtype=np.int32),
                    "path": tfds.features.Text(),
                    "unreadable": tfds.features.Text(),
                }
            ),
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[tuple[int, dict]]]:
        del dl_manager
        names = dict.fromkeys(file.split for file in self._layout.files)
        return {split: self._generate_examples(split) for split in names}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict]]:  # pyright: ignore
        files = [file for file in self._layout.files if file.split == split]
        examples = _decoded(files, self._layout.classes, self._folder)
        yield from enumerate(self._progress(examples, f"Preparing {split} images", len(files)))


def _prepared(layout: Layout, folder: Path, cache: Path, progress: Progress) -> Folder:
    """The builder, with its records on disk."""
    logging.getLogger("absl").setLevel(logging.ERROR)
    tfds.disable_progress_bar()
    try:
        builder = Folder(
            layout=layout,
            folder=folder,
            progress=progress,
            data_dir=str(cache),
            file_format="array_record",
        )
        if not Path(builder.data_dir).exists():
            # TFDS announces downloads, but there is nothing to download.
            with contextlib.redirect_stdout(io.StringIO()):
                builder.download_and_prepare()
    except OSError as error:
        raise InputError(
            [f"cannot keep prepared images in {cache} ({error}); make room or set JAXCOVID_CACHE"]
        ) from None
    finally:
        # TFDS writes into a folder of its own and renames it; what an interruption left goes.
        for leftover in cache.glob("*/incomplete.*"):
            shutil.rmtree(leftover, ignore_errors=True)
    return builder


def _decoded(files: list[ImageFile], classes: tuple[str, ...], folder: Path) -> Iterator[dict]:
    def decode(file: ImageFile) -> dict:
        label = -1 if file.label is None else classes.index(file.label)
        name = file.path.relative_to(folder).as_posix()
        try:
            record, reason = images.prepare(images.read(file.path), label, name), ""
        except images.UnreadableError as error:
            record, reason = Record(PLACEHOLDER, PLACEHOLDER, label, name), str(error)
        return {**record._asdict(), "unreadable": reason}

    # Pillow decodes outside Python's lock. In chunks, so that few images wait in memory.
    with ThreadPoolExecutor() as pool:
        remaining = iter(files)
        while chunk := list(islice(remaining, 64)):
            yield from pool.map(decode, chunk)


def _read(builder: Folder, progress: Progress) -> tuple[dict[str, Split], list[str]]:
    """The splits' readable images, and the names of the others with the reason."""
    splits, unreadable = {}, []
    try:
        for split in (
            name for name in ("train", "validation", "test") if name in builder.info.splits
        ):
            source = cast(Any, builder).as_data_source(split=split)
            records = []
            for example in progress(source, f"Reading {split} images", len(source)):
                path, reason = example["path"].decode(), example["unreadable"].decode()
                if reason:
                    unreadable.append(f"{path}: {reason}")
                else:
                    pixels = example["augmentable"], example["evaluation"]
                    records.append(Record(*pixels, int(example["label"]), path))
            splits[split] = assemble(split, records)
    except (RuntimeError, ValueError, OSError) as error:
        raise InputError(
            [
                f"the prepared images in {builder.data_dir} are damaged ({error}); delete that "
                "folder, and they are prepared again"
            ]
        ) from None
    return splits, unreadable


def _nothing_left(splits: dict[str, Split], layout: Layout, folder: Path) -> list[str]:
    counts = np.bincount(splits["train"].labels, minlength=len(layout.classes))
    return [
        f"{folder}: no readable train image of class {name!r}; repair some"
        for name, count in zip(layout.classes, counts, strict=True)
        if not count
    ] + [
        f"{folder}: no readable {name} image; repair some"
        for name, split in splits.items()
        if not len(split.labels) and name != "train"
    ]
