"""Image folders as data sets: what to train on, to evaluate on, or to audit."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from jaxcovid.data import dicom, headers
from jaxcovid.data.dataset import Dataset, Split
from jaxcovid.data.dicom_tags import with_tags
from jaxcovid.data.disk import Progress
from jaxcovid.data.division import AS_GIVEN, Division, divided, shares_to_draw
from jaxcovid.data.finding_codes import scarce_findings
from jaxcovid.data.fingerprints import copies, fingerprint
from jaxcovid.data.folds import pooled
from jaxcovid.data.layout import (
    Layout,
    Listed,
    path_text,
    scan,
    scan_all,
)
from jaxcovid.data.listing import names_below
from jaxcovid.data.patient_rows import Table, named
from jaxcovid.data.patients import rows_by_split
from jaxcovid.data.preparation import AS_TORCHVISION, Preparation
from jaxcovid.data.prepared import VERSION, prepared_images
from jaxcovid.data.sides import SIDES, caution, choose_side, sided
from jaxcovid.data.split_folders import is_whole
from jaxcovid.data.table_images import unlisted_note
from jaxcovid.errors import InputError, check


def listed_folder(folder: Path, patients: Table | None, again: bool, alone: bool = True) -> Listed:
    """The images of a folder laid out as split/class/image, or as class/image, for training.

    `again` says that its splits do not count, `alone` that there are no other data. Raises
    InputError with all that is wrong with the layout, or if the table of patients is not clear.
    """
    fewest = 2 if alone else 1
    if again or is_whole(folder):
        layout = scan_all(folder, "training needs at least two", fewest)
    else:
        layout = scan(folder, fewest)
    return with_patients(Listed(folder, layout, None), patients, alone)


def with_patients(listed: Listed, patients: Table | None, alone: bool) -> Listed:
    """The images of a folder with what the table of patients, or their names, say of each.

    `alone` says that there are no other data. Raises InputError if the table is not clear.
    """
    folder, layout = listed.folder, listed.layout
    paths = names_below(folder, (file.path for file in layout.files))
    places: dict[str, list[int]] = {}
    for place, file in enumerate(layout.files):
        places.setdefault(file.split, []).append(place)
    images = {
        split: [named(paths[place], split, layout.files[place].label or "") for place in of_split]
        for split, of_split in places.items()
    }
    rows = {
        paths[place]: row
        for split, of_split in rows_by_split(images, patients, alone).items()
        for place, row in zip(places[split], of_split, strict=True)
        if row is not None
    }
    return listed._replace(rows=rows)


def load_listed(
    listed: Listed,
    cache: Path,
    *,
    skip_unreadable: bool,
    memory_budget: float,
    progress: Progress,
    stored_side: int | None = None,
    preparation: Preparation = AS_TORCHVISION,
    division: Division = AS_GIVEN,
) -> Dataset:
    """The images to train with, in splits that are drawn as `division` wants them if they lack.

    Or, if it wants them pooled, with all but a test split to train.

    The prepared images are kept in `cache` under the fingerprint of their content. If they take
    more than `memory_budget` bytes, they stay there and are read when asked for. `stored_side` is
    as in `sources.load_dataset`. Raises InputError if splits are not to be had, or with every
    unreadable image unless they are to be skipped, or if too few are left.
    """
    listed = with_tags(listed, progress)
    layout, drawn = pooled(listed.layout) if division.pooled else listed.layout, None
    if not division.pooled and (shares := shares_to_draw(division, layout)):
        drawn = divided(listed, shares, division.seed)
        layout = drawn.layout
    dataset = _load(
        layout,
        listed.folder,
        cache,
        functools.partial(_too_little_to_train, findings=listed.findings),
        skip_unreadable,
        memory_budget,
        progress,
        stored_side,
        preparation,
    )._replace(rows=listed.rows, notes=_notes(listed), findings=listed.findings)
    if drawn is None:
        return dataset
    return dataset._replace(
        members=drawn.members,
        notes=(*dataset.notes, drawn.note),
        warnings=(*dataset.warnings, *drawn.warnings),
    )


def load_whole(
    listed: Listed,
    cache: Path,
    *,
    skip_unreadable: bool,
    memory_budget: float,
    progress: Progress,
    stored_side: int | None = None,
    preparation: Preparation = AS_TORCHVISION,
) -> Dataset:
    """All images that are listed, in the splits that they have.

    `cache`, `memory_budget` (bytes), `stored_side` and the InputErrors are as in `load_listed`;
    with a `stored_side` of 0 no training images are kept for augmentation.
    """
    listed = with_tags(listed, progress)
    dataset = _load(
        listed.layout,
        listed.folder,
        cache,
        _nothing_left,
        skip_unreadable,
        memory_budget,
        progress,
        stored_side,
        preparation,
    )
    return dataset._replace(
        rows=listed.rows, notes=_notes(listed), tags=listed.tags, findings=listed.findings
    )


def _notes(listed: Listed) -> tuple[str, ...]:
    return (*listed.notes, *unlisted_note(listed.unlisted))


def _load(
    layout: Layout,
    folder: Path,
    cache: Path,
    too_little: Callable[[dict[str, Split], Layout, Path], list[str]],
    skip_unreadable: bool,
    memory_budget: float,
    progress: Progress,
    stored_side: int | None = None,
    preparation: Preparation = AS_TORCHVISION,
) -> Dataset:
    software = _dicom_software(layout, folder)
    digest, layout = fingerprint(
        layout, folder, lambda files: progress(files, "Fingerprinting images", len(layout.files))
    )
    training = [file.path for file in layout.files if file.split == "train"]
    sizes = headers.read_sizes(training) if stored_side != 0 else []
    side = choose_side(sizes) if stored_side is None else stored_side
    changed = preparation if preparation != AS_TORCHVISION else ()
    prepared = cache / "prepared" / "-".join((digest, VERSION, str(side), *changed, *software))
    index, splits, anew = prepared_images(
        layout, folder, prepared, side, preparation, memory_budget, progress
    )
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
        sided(digest, side or SIDES[0], preparation),
        skipped=tuple(unreadable),
        ignored=layout.ignored,
        warnings=(*anew, *layout.warnings, *filter(None, [caution(sizes, side)])),
        copies=copies(layout, folder),
        stored_side=side or SIDES[0],
        preparation=preparation,
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


def _too_little_to_train(
    splits: dict[str, Split], layout: Layout, folder: Path, findings: Sequence[str] = ()
) -> list[str]:
    labels, classes = splits["train"].labels, layout.classes
    others = {name: split for name, split in splits.items() if name != "train"}
    missing = _nothing_left(others, layout, folder)
    if findings:
        return [*scarce_findings(folder, classes, labels, findings), *missing]
    counts = np.bincount(labels, minlength=len(classes))
    listed = {file.label for file in layout.files if file.split == "train"}
    return [
        f"{folder}: no readable train image of class {name!r}; repair some"
        if name in listed
        else f"{folder}: no train image of class {name!r}; add some, or leave the class out"
        for name, count in zip(classes, counts, strict=True)
        if not count
    ] + missing


def _nothing_left(splits: dict[str, Split], layout: Layout, folder: Path) -> list[str]:
    del layout
    return [
        f"{folder}: no readable {name} image; repair some"
        for name, split in splits.items()
        if not len(split.labels)
    ]
