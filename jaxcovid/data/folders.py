"""Image folders as data sets: what to train on, to evaluate on, or to audit."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxcovid.data import dicom, headers
from jaxcovid.data.dataset import Dataset, Row, Split
from jaxcovid.data.disk import Progress
from jaxcovid.data.division import AS_GIVEN, Division, divided, rows_of_layout, shares_to_draw
from jaxcovid.data.layout import Layout, copies, fingerprint, path_text, scan, scan_all, scan_split
from jaxcovid.data.merge import joined, relabelled
from jaxcovid.data.patient_rows import Table
from jaxcovid.data.prepared import VERSION, prepared_images
from jaxcovid.data.sides import SIDES, caution, choose_side, sided
from jaxcovid.data.split_folders import SPLITS, WHOLE, is_whole, splits_in
from jaxcovid.data.table import TableSettings, read_listed
from jaxcovid.errors import InputError, check


def load_folder(
    folder: Path,
    cache: Path,
    *,
    skip_unreadable: bool,
    memory_budget: float,
    progress: Progress,
    stored_side: int | None = None,
    division: Division = AS_GIVEN,
    patients: Table | None = None,
) -> Dataset:
    """The images of a folder laid out as split/class/image, or as class/image.

    Splits that training needs and the folder lacks are drawn, as `division` wants them, with whole
    patients by the table `patients`. The prepared images are kept in `cache` under the fingerprint
    of the folder's content. If they take more than `memory_budget` bytes, they stay there and are
    read when asked for. `stored_side` is as in `sources.load_dataset`. Raises InputError with all
    that is wrong with the layout, or every unreadable image unless they are to be skipped, or if
    too few are left.
    """
    whole = is_whole(folder)
    given = [WHOLE] if whole else splits_in(folder)
    shares = _shares(division, given, folder)
    if whole or division.again:
        layout = scan_all(folder, "training needs at least two")
    else:
        layout = scan(folder)
    rows = rows_of_layout(layout, folder, patients) if shares else None
    settings = _Reading(cache, skip_unreadable, memory_budget, progress, stored_side)
    return _load_to_train(layout, folder, rows, shares, division.seed, settings)


def load_table(
    path: Path,
    how: TableSettings,
    cache: Path,
    *,
    skip_unreadable: bool,
    memory_budget: float,
    progress: Progress,
    stored_side: int | None = None,
    division: Division = AS_GIVEN,
) -> Dataset:
    """The images that a table lists, `how` it is to be understood; all else as in `load_folder`."""
    listed = read_listed(path, how, with_splits=not division.again)
    given = [name for name in (*SPLITS, WHOLE) if any(f.split == name for f in listed.layout.files)]
    if not {"train", WHOLE} & {*given}:
        raise InputError([f"`data`: {path} lists no training images, only {', '.join(given)}"])
    shares = _shares(division, given, path)
    settings = _Reading(cache, skip_unreadable, memory_budget, progress, stored_side)
    dataset = _load_to_train(
        listed.layout, listed.folder, listed.rows, shares, division.seed, settings
    )
    return dataset._replace(rows=listed.rows, notes=(*listed.notes, *dataset.notes))


class _Reading(NamedTuple):
    """How images are read and kept; as in `load_folder`."""

    cache: Path
    skip_unreadable: bool
    memory_budget: float
    progress: Progress
    stored_side: int | None


def _shares(division: Division, given: Sequence[str], data: Path) -> dict[str, float]:
    """The splits to draw, empty for none. Raises InputError if some are asked for in vain."""
    shares = shares_to_draw(division, given)
    if division.shares and not shares:
        raise InputError(
            [
                f"`split`: {data} has the splits {', '.join(given)}; leave it out to use them, or "
                "add `resplit` to draw others"
            ]
        )
    return shares


def _load_to_train(
    layout: Layout,
    folder: Path,
    rows: Mapping[str, Row] | None,
    shares: Mapping[str, float],
    seed: int,
    how: _Reading,
) -> Dataset:
    """The images of a layout; its splits drawn if there are shares, by what `rows` know."""
    drawn = divided(layout, folder, rows or {}, shares, seed) if shares else None
    dataset = _load(
        layout if drawn is None else drawn.layout,
        folder,
        how.cache,
        _too_little_to_train,
        how.skip_unreadable,
        how.memory_budget,
        how.progress,
        how.stored_side,
    )
    if drawn is None:
        return dataset
    return dataset._replace(
        rows=rows,
        members=drawn.members,
        notes=(drawn.note,),
        warnings=(*dataset.warnings, *drawn.warnings),
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

    Nothing else in the folder is looked at. Classes may be absent, or those from which
    `merge` made the model's. `cache`, `memory_budget` (bytes) and the InputErrors are as
    in `load_folder`; one more is a class that the model does not know.
    """
    renamed = joined(merge)
    layout = scan_split(folder, split, tuple(dict.fromkeys((*classes, *renamed))))
    dataset = _load(
        layout, folder, cache, _nothing_left, skip_unreadable, memory_budget, progress, 0
    )
    return relabelled(dataset, classes, renamed)


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
    stored_side: int | None = None,
) -> Dataset:
    """`stored_side` is 0 where no training images are to be kept for augmentation."""
    software = _dicom_software(layout, folder)
    digest, layout = fingerprint(
        layout, folder, lambda files: progress(files, "Fingerprinting images", len(layout.files))
    )
    training = [file.path for file in layout.files if file.split == "train"]
    sizes = headers.read_sizes(training) if stored_side != 0 else []
    side = choose_side(sizes) if stored_side is None else stored_side
    prepared = cache / "prepared" / "-".join((digest, VERSION, str(side), *software))
    index, splits, anew = prepared_images(layout, folder, prepared, side, memory_budget, progress)
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
    return Dataset(
        path_text(Path(folder.resolve().name)),
        layout.classes,
        splits,
        sided(digest, side or SIDES[0]),
        skipped=tuple(unreadable),
        ignored=layout.ignored,
        warnings=(*anew, *layout.warnings, *filter(None, [caution(sizes, side)])),
        copies=copies(layout, folder),
        stored_side=side or SIDES[0],
    )


def _dicom_software(layout: Layout, folder: Path) -> tuple[str, ...]:
    """What decides whether the DICOM files are readable, so that no verdict outlives it.

    Raises InputError without pydicom.
    """
    files = [file.path for file in layout.files if dicom.is_dicom(file.path)]
    if not files:
        return ()
    software = dicom.software()
    if "pydicom" not in software:
        raise InputError(
            [f"{folder}: {len(files)} DICOM file(s), such as {files[0].name}; {dicom.NEEDED}"]
        )
    return software


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
