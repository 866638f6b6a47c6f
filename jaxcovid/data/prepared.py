"""Images of folders, prepared once as a TFDS set, kept in the cache and read back as arrays."""

import contextlib
import json
import logging
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from jaxcovid.checksums import check_checksums, write_checksums
from jaxcovid.data import images, records
from jaxcovid.data.ahead import made_ahead
from jaxcovid.data.dataset import MINIATURE, Record, Split
from jaxcovid.data.disk import (
    DamagedError,
    Entry,
    Progress,
    damage_as_input_error,
    in_memory,
    on_disk,
    pixel_bytes,
)
from jaxcovid.data.layout import ImageFile, Layout, names_of
from jaxcovid.data.preparation import Preparation
from jaxcovid.errors import InputError, first_line
from weights_convert.aside import folder_aside, private_folder, remove_folder

# Raise it when what is stored changes.
VERSION = "4.0.0"

NO_MINIATURE = np.zeros((MINIATURE, MINIATURE, 1), np.uint8)

# Beside the folder of the records: what is in them, by split.
INDEX, RECORDS = "index.json", Path(records.NAME, VERSION)

# Pixels that are not read back, as they are still in memory, in bytes.
KEPT_BYTES = 2**30

AHEAD, HANDFUL = 64, 8  # images that may wait in memory, and that a thread decodes in a row


# Records by split that were made a moment ago, each to be taken once.
Kept = dict[str, list[Record | None]]


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

    def prepare() -> Kept:
        return _prepare(layout, folder, cache, side, preparation, memory_budget, progress)

    try:
        return _read(cache, memory_budget, progress, prepare())
    except DamagedError as error:
        warning = str(error).replace("; delete that folder, and they are prepared again", "")
    remove_folder(cache)
    made = _read(cache, memory_budget, progress, prepare())
    return made._replace(warnings=(f"{warning}; they were prepared again",))


def _prepare(
    layout: Layout,
    folder: Path,
    cache: Path,
    side: int,
    preparation: Preparation,
    memory_budget: float,
    progress: Progress,
) -> Kept:
    """Prepares the images unless that is done; what of them is still in memory.

    Raises InputError if there is no room for them.
    """
    if cache.exists():
        return {}
    try:
        private_folder(cache.parent)
        # In a place of its own, renamed at the end: runs that prepare the same data at once do
        # not disturb each other, and what an interruption leaves is never taken for complete.
        with folder_aside(cache, mode=0o700) as partial:
            kept = _write(layout, folder, partial, side, preparation, memory_budget, progress)
            write_checksums(partial, _small_files(partial))
        return kept
    except (OSError, RuntimeError) as error:
        if cache.exists():  # another run was faster, with the same content
            return {}
        raise InputError(
            [f"cannot keep prepared images in {cache} ({first_line(error)}); make room or set "
             "JAXCOVID_CACHE to another folder"]
        ) from None  # fmt: skip


def _write(
    layout: Layout,
    folder: Path,
    target: Path,
    side: int,
    preparation: Preparation,
    memory_budget: float,
    progress: Progress,
) -> Kept:
    """Decodes every image once, and writes records, in the folder's order, and their index.

    Every file has a record; the index says which files could not be read and why, so that it is
    known also when the images come from the cache. Returned are the records again, by split, if all
    of their pixels fit in the budget and are not many.
    """
    (target / RECORDS).mkdir(parents=True)
    named = list(zip(layout.files, names_of(layout, folder), strict=True))
    index: dict[str, list[Entry]] = {}
    written, made, room = [], {}, [min(memory_budget, KEPT_BYTES)]
    for split in dict.fromkeys(file.split for file in layout.files):
        files = [(file, name) for file, name in named if file.split == split]
        kept_side = side if split == "train" else 0
        index[split], made[split] = (entries := []), []
        with (
            # Pillow warns of what is checked here and of odd metadata, which does not matter.
            warnings.catch_warnings(action="ignore"),
            contextlib.closing(_decoded(files, layout.classes, kept_side, preparation)) as decoded,
        ):
            shown = progress(decoded, f"Preparing {split} images", len(files))
            noted = _noted(shown, split, entries, made, room)
            written.append(records.write_records(target / RECORDS, split, noted))
    records.describe(target / RECORDS, written, VERSION)
    (target / INDEX).write_text(json.dumps(index))
    return made if room[0] >= 0 else {}


def _noted(
    decoded: Iterable[tuple[Entry, Record]],
    split: str,
    entries: list[Entry],
    made: Kept,
    room: list[float],
) -> Iterator[bytes]:
    """The records as they are stored; their entries are put to the others, and they to `made`.

    The latter only as long as there is `room` for their pixels, in bytes; then none stays there.
    """
    for entry, record in decoded:
        entries.append(entry)
        room[0] -= record.augmentable.nbytes + record.evaluation.nbytes + record.miniature.nbytes
        made[split].append(record)
        if room[0] < 0:
            for records_of_split in made.values():
                records_of_split.clear()
        yield records.to_bytes(record)


def _read(cache: Path, memory_budget: float, progress: Progress, kept: Kept) -> Prepared:
    """Reads what was prepared, as far as it is not in memory. Raises DamagedError, InputError."""
    with damage_as_input_error(cache):
        check_checksums(cache, _small_files(cache))
        rows = json.loads((cache / INDEX).read_text())
        index = {split: [Entry.from_json(row) for row in rows[split]] for split in rows}
        splits = {
            name: on_disk(cache, records.StoredRecords(cache / RECORDS, name), name, entries)
            for name, entries in index.items()
        }
        if sum(map(pixel_bytes, splits.values())) <= memory_budget:
            splits = {
                name: in_memory(split, name, progress, kept.get(name))
                for name, split in splits.items()
            }
    return Prepared(index, splits)


def _small_files(folder: Path) -> list[str]:
    """All but the images, which have checksums of their own."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.json"))


def _decoded(
    files: Sequence[tuple[ImageFile, str]],
    classes: tuple[str, ...],
    side: int,
    preparation: Preparation,
) -> Generator[tuple[Entry, Record]]:
    """What the index says of each file, by its name, and its record; augmentable with a side."""

    def decode(named: tuple[ImageFile, str]) -> tuple[Entry, Record]:
        file, name = named
        label = -1 if file.label is None else classes.index(file.label)

        def view(image: Image.Image) -> Record:
            return images.prepare(image, label, name, side, preparation)

        try:
            (record, header), reason = images.read_described(file.path, view), ""
        except images.UnreadableError as error:
            nothing = Record(images.NOT_KEPT, images.NOT_KEPT, NO_MINIATURE, label, name)
            record, reason, header = nothing, str(error), None
        channels = record.evaluation.shape[2]
        height, width = record.augmentable.shape[:2] if side else (0, 0)
        entry = Entry(name, label, height, width, channels, reason, header, record.few_levels)
        return entry, record

    # By the handful, as handing work to a thread takes a tenth of the time of a small image.
    handfuls = [files[place : place + HANDFUL] for place in range(0, len(files), HANDFUL)]
    for handful in made_ahead(lambda some: [*map(decode, some)], handfuls, AHEAD // HANDFUL):
        yield from handful
