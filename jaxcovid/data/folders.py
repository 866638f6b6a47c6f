"""Image folders, prepared once by a TFDS builder and read back as arrays."""

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import tensorflow_datasets as tfds

from jaxcovid.data import dicom, headers, images
from jaxcovid.data.checksums import check_checksums, write_checksums
from jaxcovid.data.dataset import MINIATURE, Dataset, Record, Split
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
from jaxcovid.data.layout import (
    ImageFile,
    Layout,
    fingerprint,
    printable,
    scan,
    scan_all,
    scan_split,
    shared_between_splits,
)
from jaxcovid.data.merge import joined, relabelled
from jaxcovid.errors import InputError, check, first_line
from weights_convert.aside import folder_aside, private_folder, remove_folder

# TFDS 4.9 cannot read back arrays of fewer than three bytes.
PLACEHOLDER = np.zeros((2, 2, 1), np.uint8)
NO_MINIATURE = np.zeros((MINIATURE, MINIATURE, 1), np.uint8)

# Beside the records: what is in them, by split.
INDEX = "index.json"


def load_folder(
    folder: Path, cache: Path, *, skip_unreadable: bool, memory_budget: float, progress: Progress
) -> Dataset:
    """The images of a folder laid out as split/class/image.

    The prepared images are kept in `cache` under the fingerprint of the folder's content. If they
    take more than `memory_budget` bytes, they stay there and are read when asked for. Raises
    InputError with all that is wrong with the layout, or every unreadable image unless they are to
    be skipped, or if too few are left.
    """
    return _load(
        scan(folder), folder, cache, _too_little_to_train, skip_unreadable, memory_budget, progress
    )


def load_folder_split(
    folder: Path,
    split: str,
    classes: Sequence[str],
    cache: Path,
    *,
    merge: Sequence[str],
    skip_unreadable: bool,
    memory_budget: float,
    progress: Progress,
) -> Dataset:
    """One split of a folder, labelled in the order of the classes that a model knows.

    Nothing else in the folder is looked at. Classes may be absent (a warning says which), or those
    from which `merge` made the model's. `cache`, `memory_budget` (bytes) and the InputErrors are as
    in `load_folder`; one more is a class that the model does not know.
    """
    renamed = joined(merge)
    layout = scan_split(folder, split, tuple(dict.fromkeys((*classes, *renamed))))
    dataset = _load(layout, folder, cache, _nothing_left, skip_unreadable, memory_budget, progress)
    dataset = relabelled(dataset, classes, renamed)
    counts = np.bincount(dataset.splits[split].labels, minlength=len(classes))
    absent = [name for name, count in zip(classes, counts, strict=True) if not count]
    if not absent:
        return dataset
    return dataset._replace(
        warnings=(*dataset.warnings, f"no {split} image of class {', '.join(absent)}")
    )


def load_folder_whole(
    folder: Path, cache: Path, *, skip_unreadable: bool, memory_budget: float, progress: Progress
) -> Dataset:
    """All images of a folder of splits, any of them, or of classes without a split.

    `cache`, `memory_budget` (bytes) and the InputErrors are as in `load_folder`.
    """
    layout = scan_all(folder)
    return _load(layout, folder, cache, _nothing_left, skip_unreadable, memory_budget, progress)


def _load(
    layout: Layout,
    folder: Path,
    cache: Path,
    too_little: Callable[[dict[str, Split], Layout, Path], list[str]],
    skip_unreadable: bool,
    memory_budget: float,
    progress: Progress,
) -> Dataset:
    software = _dicom_software(layout, folder)
    digest, layout = fingerprint(
        layout, folder, lambda files: progress(files, "Fingerprinting images", len(layout.files))
    )
    prepared = cache / "prepared" / "-".join((digest, str(Folder.VERSION), *software))
    index, splits, anew = _prepared(layout, folder, prepared, memory_budget, progress)
    unreadable = [
        f"{entry.path}: {entry.unreadable}"
        for entries in index.values()
        for entry in entries
        if entry.unreadable
    ]
    if unreadable and not skip_unreadable:
        raise InputError(
            [f"{folder}/{problem}" for problem in unreadable]
            + [
                f"`data`: {len(unreadable)} unreadable image(s), listed above; repair or remove "
                "them, or pass `skip_unreadable`"
            ]
        )
    check(too_little(splits, layout, folder))
    pairs = shared_between_splits(layout, folder)
    return Dataset(
        printable(Path(folder.resolve().name)),
        layout.classes,
        splits,
        digest,
        skipped=tuple(unreadable),
        ignored=layout.ignored,
        warnings=(
            *anew,
            *((f"{len(pairs)} image(s) occur in two splits, such as {pairs[0]}",) if pairs else ()),
        ),
    )


def _records(builder: "Folder", split: str) -> Records:
    # TFDS decorates this method in a way that hides its signature from type checkers.
    return cast(Any, builder).as_data_source(split=split)


def _dicom_software(layout: Layout, folder: Path) -> tuple[str, ...]:
    """What decides whether the DICOM files are readable, so that no verdict outlives it.

    Raises InputError without pydicom.
    """
    files = [file.path for file in layout.files if file.path.suffix.lower() == dicom.SUFFIX]
    if not files:
        return ()
    software = dicom.software()
    if "pydicom" not in software:
        raise InputError(
            [f"{folder}: {len(files)} DICOM file(s), such as {files[0].name}; {dicom.NEEDED}"]
        )
    return software


class _Info(tfds.core.DatasetInfo):
    """What TFDS knows of a set of which its servers know nothing."""

    def initialize_from_bucket(self) -> None:
        """Asks no server: TFDS would leave an empty folder in /tmp for it."""


class Folder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """TFDS's builder that decodes every image of a folder once.

    Records lie in the folder's order. Every file has one; the index says which files could not be
    read and why, so that it is known also when the images come from the cache.
    """

    # Raise it when what is stored changes.
    VERSION = tfds.core.Version("4.0.0")

    def __init__(self, *, layout: Layout, folder: Path, progress: Progress, **options: Any):
        self._layout, self._folder, self._progress = layout, folder, progress
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
        entries = self.index[split] = []
        for entry, record in self._progress(examples, f"Preparing {split} images", len(files)):
            entries.append(entry)
            yield len(entries) - 1, record._asdict()


class Prepared(NamedTuple):
    """Prepared images: what the index says of them, the splits, and what to know of it."""

    entries: dict[str, list[Entry]]
    splits: dict[str, Split]
    warnings: tuple[str, ...] = ()


def _prepared(
    layout: Layout, folder: Path, cache: Path, memory_budget: float, progress: Progress
) -> Prepared:
    """The prepared images from the cache: made, if they are not there, and anew if damaged."""
    logging.getLogger("absl").setLevel(logging.ERROR)
    tfds.disable_progress_bar()

    def builder(data_dir: Path) -> Folder:
        options = {"data_dir": str(data_dir), "file_format": "array_record"}
        return Folder(layout=layout, folder=folder, progress=progress, **options)

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
            write_checksums(partial)
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
        check_checksums(cache)
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


def _decoded(
    files: list[ImageFile], classes: tuple[str, ...], folder: Path
) -> Iterator[tuple[Entry, Record]]:
    def decode(file: ImageFile) -> tuple[Entry, Record]:
        label = -1 if file.label is None else classes.index(file.label)
        name = file.path.relative_to(folder).as_posix()
        try:
            record, reason = images.prepare(images.read_image(file.path), label, name), ""
            header = headers.read_header(file.path)
        except images.UnreadableError as error:
            nothing = Record(PLACEHOLDER, PLACEHOLDER, NO_MINIATURE, label, name)
            record, reason, header = nothing, str(error), None
        height, width, channels = record.augmentable.shape
        return Entry(name, label, height, width, channels, reason, header), record

    # Pillow decodes outside Python's lock. In chunks, so that few images wait in memory.
    with ThreadPoolExecutor() as pool:
        remaining = iter(files)
        while chunk := list(islice(remaining, 64)):
            with warnings.catch_warnings():
                # Pillow warns of what is checked here and of odd metadata, which does not matter.
                warnings.simplefilter("ignore")
                decoded = list(pool.map(decode, chunk))
            yield from decoded


def _too_little_to_train(splits: dict[str, Split], layout: Layout, folder: Path) -> list[str]:
    counts = np.bincount(splits["train"].labels, minlength=len(layout.classes))
    others = {name: split for name, split in splits.items() if name != "train"}
    return [
        f"{folder}: no readable train image of class {name!r}; repair some"
        for name, count in zip(layout.classes, counts, strict=True)
        if not count
    ] + _nothing_left(others, layout, folder)


def _nothing_left(splits: dict[str, Split], layout: Layout, folder: Path) -> list[str]:
    del layout
    return [
        f"{folder}: no readable {name} image; repair some"
        for name, split in splits.items()
        if not len(split.labels)
    ]
