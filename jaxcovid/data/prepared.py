"""Images of folders, prepared once by a TFDS builder, kept in the cache and read back as arrays."""

import contextlib
import functools
import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import tensorflow_datasets as tfds

from jaxcovid.checksums import check_checksums, write_checksums
from jaxcovid.data import headers, images
from jaxcovid.data.dataset import MINIATURE, Record, Split
from jaxcovid.data.disk import (
    DamagedError,
    Entry,
    Progress,
    Records,
    damage_as_input_error,
    in_memory,
    on_disk,
    pixel_bytes,
)
from jaxcovid.data.layout import ImageFile, Layout
from jaxcovid.data.preparation import Preparation
from jaxcovid.errors import InputError, first_line
from weights_convert.aside import folder_aside, private_folder, remove_folder

# Raise it when what is stored changes.
VERSION = "4.0.0"

# TFDS 4.9 cannot read back arrays of fewer than three bytes.
PLACEHOLDER = np.zeros((2, 2, 1), np.uint8)
NO_MINIATURE = np.zeros((MINIATURE, MINIATURE, 1), np.uint8)

# Beside the records: what is in them, by split.
INDEX = "index.json"


class Prepared(NamedTuple):
    """Prepared images: what the index says of them, the splits, and what to know of it."""

    entries: dict[str, list[Entry]]
    splits: dict[str, Split]
    warnings: tuple[str, ...] = ()


def prepared_images(
    layout: Layout,
    folder: Path,
    cache: Path,
    side: int,
    preparation: Preparation,
    memory_budget: float,
    progress: Progress,
) -> Prepared:
    """The prepared images from the cache: made, if they are not there, and anew if damaged."""
    logging.getLogger("absl").setLevel(logging.ERROR)
    tfds.disable_progress_bar()

    def builder(data_dir: Path) -> Folder:
        options = {"data_dir": str(data_dir), "file_format": "array_record"}
        return Folder(
            layout=layout, folder=folder, side=side, preparation=preparation, progress=progress,
            **options,
        )  # fmt: skip

    _prepare(builder, cache)
    try:
        return _read(builder, cache, memory_budget, progress)
    except DamagedError as error:
        warning = str(error).replace("; delete that folder, and they are prepared again", "")
    remove_folder(cache)
    _prepare(builder, cache)
    made = _read(builder, cache, memory_budget, progress)
    return made._replace(warnings=(f"{warning}; they were prepared again",))


def _prepare(builder: Callable[[Path], "Folder"], cache: Path) -> None:
    """Prepares the images unless that is done. Raises InputError if there is no room for them."""
    if cache.exists():
        return
    try:
        private_folder(cache.parent)
        # In a place of its own, renamed at the end: runs that prepare the same data at once do
        # not disturb each other, and what an interruption leaves is never taken for complete.
        with folder_aside(cache, mode=0o700) as partial:
            # TFDS announces downloads, but there is nothing to download.
            with contextlib.redirect_stdout(io.StringIO()):
                preparer = builder(partial)
                preparer.download_and_prepare()
            (partial / INDEX).write_text(json.dumps(preparer.index))
            write_checksums(partial, _small_files(partial))
    except (OSError, RuntimeError) as error:
        if cache.exists():  # another run was faster, with the same content
            return
        raise InputError(
            [f"cannot keep prepared images in {cache} ({first_line(error)}); make room or set "
             "JAXCOVID_CACHE to another folder"]
        ) from None  # fmt: skip


def _read(
    builder: Callable[[Path], "Folder"], cache: Path, memory_budget: float, progress: Progress
) -> Prepared:
    """Reads what was prepared. Raises DamagedError, InputError."""
    with damage_as_input_error(cache):
        check_checksums(cache, _small_files(cache))
        source = builder(cache)
        rows = json.loads((cache / INDEX).read_text())
        index = {split: [Entry.from_json(row) for row in rows[split]] for split in rows}
        splits = {
            name: on_disk(cache, _records(source, name), name, entries)
            for name, entries in index.items()
        }
        if sum(map(pixel_bytes, splits.values())) <= memory_budget:
            splits = {name: in_memory(split, name, progress) for name, split in splits.items()}
    return Prepared(index, splits)


def _small_files(folder: Path) -> list[str]:
    """All but the images, which have checksums of their own."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.json"))


class _Info(tfds.core.DatasetInfo):
    """What TFDS knows of a set of which its servers know nothing."""

    def initialize_from_bucket(self) -> None:
        """Asks no server: TFDS would leave an empty folder in /tmp for it."""


class Folder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """TFDS's builder that decodes every image of a folder once.

    Records lie in the folder's order. Every file has one; the index says which files could not be
    read and why, so that it is known also when the images come from the cache.
    """

    VERSION = tfds.core.Version(VERSION)

    def __init__(
        self,
        *,
        layout: Layout,
        folder: Path,
        side: int,
        preparation: Preparation,
        progress: Progress,
        **options: Any,
    ):
        self._layout, self._folder, self._progress = layout, folder, progress
        self._side, self._preparation = side, preparation
        self.index: dict[str, list[Entry]] = {}
        super().__init__(**options)

    def _info(self) -> _Info:
        pixels = tfds.features.Tensor(
            shape=(None, None, None), dtype=np.uint8, encoding=tfds.features.Encoding.BYTES
        )
        return _Info(
            builder=self,
            disable_shuffling=True,
            features=tfds.features.FeaturesDict(
                {
                    "augmentable": pixels,
                    "evaluation": pixels,
                    "miniature": pixels,
                    "label": tfds.features.Scalar(dtype=np.int32),
                    "path": tfds.features.Text(),
                    "few_levels": tfds.features.Scalar(dtype=np.int32),
                }
            ),
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[tuple[int, dict]]]:
        del dl_manager
        names = dict.fromkeys(file.split for file in self._layout.files)
        return {split: self._generate_examples(split) for split in names}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict]]:  # pyright: ignore
        files = [file for file in self._layout.files if file.split == split]
        side = self._side if split == "train" else 0
        examples = _decoded(files, self._layout.classes, self._folder, side, self._preparation)
        entries = self.index[split] = []
        for entry, record in self._progress(examples, f"Preparing {split} images", len(files)):
            entries.append(entry)
            yield len(entries) - 1, record._asdict()


def _records(builder: "Folder", split: str) -> Records:
    # TFDS decorates this method in a way that hides its signature from type checkers.
    return cast(Any, builder).as_data_source(split=split)


def _decoded(
    files: list[ImageFile],
    classes: tuple[str, ...],
    folder: Path,
    side: int,
    preparation: Preparation,
) -> Iterator[tuple[Entry, Record]]:
    def decode(file: ImageFile) -> tuple[Entry, Record]:
        label = -1 if file.label is None else classes.index(file.label)
        name = file.name or file.path.relative_to(folder).as_posix()
        try:
            view = functools.partial(
                images.prepare, label=label, path=name, side=max(side, 1), preparation=preparation
            )
            record, reason = images.read_view(file.path, view), ""
            header = headers.read_header(file.path)
        except images.UnreadableError as error:
            nothing = Record(PLACEHOLDER, PLACEHOLDER, NO_MINIATURE, label, name)
            record, reason, header = nothing, str(error), None
        channels = record.evaluation.shape[2]
        height, width = record.augmentable.shape[:2] if side else (0, 0)
        if not side:
            record = record._replace(augmentable=PLACEHOLDER)
        entry = Entry(name, label, height, width, channels, reason, header, record.few_levels)
        return entry, record

    # Pillow decodes outside Python's lock. In chunks, so that few images wait in memory.
    with ThreadPoolExecutor() as pool:
        remaining = iter(files)
        while chunk := list(islice(remaining, 64)):
            with warnings.catch_warnings():
                # Pillow warns of what is checked here and of odd metadata, which does not matter.
                warnings.simplefilter("ignore")
                decoded = list(pool.map(decode, chunk))
            yield from decoded
