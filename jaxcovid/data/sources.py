"""Where images come from: folder, table, arrays, TFDS set, or nothing for the phantoms."""

import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from jaxcovid.config import USUAL_TABLE, TableSettings
from jaxcovid.data import folders, images, phantom, tfds_sets
from jaxcovid.data.dataset import Dataset, assemble
from jaxcovid.data.disk import Progress
from jaxcovid.data.division import AS_GIVEN, Division
from jaxcovid.data.drawn import drawn_phantoms
from jaxcovid.data.layout import Listed, listed_split, scan_all, scan_split
from jaxcovid.data.merge import joined, relabelled
from jaxcovid.data.npz_sets import is_npz, load_npz, split_for
from jaxcovid.data.patient_rows import Table
from jaxcovid.data.patients import no_row_fits
from jaxcovid.data.preparation import AS_TORCHVISION, Preparation
from jaxcovid.data.several import listed_together
from jaxcovid.data.sides import SIDES, sided
from jaxcovid.data.table import read_listed
from jaxcovid.data.table_file import is_table
from jaxcovid.data.table_labels import chosen_labels
from jaxcovid.errors import check


def load_dataset(
    data: str | Sequence[str] | None,
    cache: Path,
    *,
    source: Sequence[str] = (),
    skip_unreadable: bool = False,
    memory_budget: float = math.inf,
    stored_side: int | None = None,
    preparation: Preparation = AS_TORCHVISION,
    division: Division = AS_GIVEN,
    patients: Table | None = None,
    table: TableSettings = USUAL_TABLE,
    findings: Sequence[str] | None = None,
    progress: Progress = lambda items, _description, _length: items,
) -> Dataset:
    """The dataset to train on: folder, table, .npz, `tfds:NAME`, or the built-in phantoms if None.

    Several folders and tables are joined; `source` are their names. `findings` are as in
    `read_listed`: None where a table's images are of one class each.

    Of data without the splits that training needs they are drawn, as `division` wants them, with
    whole patients, by the table `patients` of a folder. `table` says how one that lists images is
    to be understood.

    A folder's prepared images are kept in `cache`, as phantoms are; over the budget, in bytes,
    their pixels stay there. Unreadable images of a folder are an error unless they are to be
    skipped. Training images are kept with a shorter side of at most `stored_side` pixels, None for
    what their sizes call for; all are prepared as `preparation` says. Raises InputError with all
    that is wrong with the data.
    """
    paths = () if data is None else (data,) if isinstance(data, str) else tuple(data)
    if len(paths) > 1 or source:
        listed = _listed_together(paths, source, division, patients, table, findings)
    else:
        path = paths[0] if paths else None
        check(_unfit(path, division, patients, table))
        if path is None:
            return phantoms(cache, progress, stored_side, preparation)
        if path.startswith("tfds:"):
            name = path.removeprefix("tfds:")
            return tfds_sets.load_tfds(name, progress, stored_side, preparation)
        if is_npz(path):
            labels = chosen_labels(table.labels)
            dataset = load_npz(Path(path), labels, progress, stored_side, preparation)
            check(_untrainable(path, dataset))
            return dataset
        listed = _listed(Path(path), division, patients, table, findings)
    return folders.load_listed(
        listed,
        cache,
        skip_unreadable=skip_unreadable,
        memory_budget=memory_budget,
        stored_side=stored_side,
        preparation=preparation,
        division=division,
        progress=progress,
    )


def _listed(
    path: Path,
    division: Division,
    patients: Table | None,
    table: TableSettings,
    findings: Sequence[str] | None,
) -> Listed:
    if is_table(str(path)):
        return read_listed(path, table, with_splits=not division.again, findings=findings)
    return folders.listed_folder(path, patients, division.again)


def _listed_together(
    data: Sequence[str],
    source: Sequence[str],
    division: Division,
    patients: Table | None,
    table: TableSettings,
    findings: Sequence[str] | None,
) -> Listed:
    """Several folders and tables, or one with a name, as one listing. Raises InputError."""

    def read(path: Path, patients: Table | None, of_others: Sequence[str]) -> Listed:
        if is_table(str(path)):
            wanted = None if findings is None else of_others or findings
            return read_listed(
                path, table, with_splits=not division.again, purpose=None, findings=wanted
            )
        return folders.listed_folder(path, patients, division.again, alone=False)

    listed = _joined(data, source, patients, table, read, division.again)
    classes = listed.layout.classes
    if len(classes) < 2 and not listed.findings:
        held = ", ".join(classes) or "no class"
        check([f"`data`: all together hold {held}; training needs at least two classes"])
    return listed


def _joined(
    data: Sequence[str],
    source: Sequence[str],
    patients: Table | None,
    table: TableSettings,
    read: Callable[[Path, Table | None, Sequence[str]], Listed],
    again: bool = False,
) -> Listed:
    """What `read` makes of each of the data, with the table of patients, as one listing.

    Raises InputError.
    """
    tables = [path for path in data if is_table(path)]
    problems = [
        f"`data`: {path} cannot be joined with others; only folders and tables can"
        for path in data
        if path.startswith("tfds:") or is_npz(path)
    ]
    problems += [
        f"`data`: {path} does not exist; give folders and tables of images"
        for path in data
        if not (path.startswith("tfds:") or Path(path).exists())
    ]
    if patients is not None and len(tables) == len(data):
        problems += unfit_for_table(tables[0], True, table)
    if not tables:
        problems += unfit_for_table(data[0], False, table)
    check(problems)

    used: set[int] = set()  # rows of patients, by identity

    def read_and_note(path: Path, findings: Sequence[str]) -> Listed:
        listed = read(path, patients, findings)
        if not is_table(str(path)):
            used.update(id(row) for row in (listed.rows or {}).values())
        return listed

    listed = listed_together([Path(path) for path in data], source, read_and_note, again)
    if patients and used.isdisjoint(map(id, patients.values())):
        check([no_row_fits(patients)])
    return listed


def _untrainable(data: str, dataset: Dataset) -> list[str]:
    """What a file of arrays lacks for training."""
    classes, labels = dataset.classes, dataset.splits["train"].labels
    if len(classes) < 2:
        return [f"`data`: {data} holds {len(classes)} class(es); training needs at least two"]
    counts = np.bincount(labels, minlength=len(classes))
    return [
        f"`data`: {data} has no training image of class {name!r}; leave the class out (`labels`)"
        for name, count in zip(classes, counts, strict=True)
        if not count
    ]


def _unfit(
    data: str | None, division: Division, patients: Table | None, table: TableSettings
) -> list[str]:
    """Settings that say nothing of such data."""
    problems = unfit_for_table(data, patients is not None, table)
    if data is None or data.startswith("tfds:") or is_npz(data):
        asked = {"split": division.shares, "resplit": division.again, "folds": division.pooled}
        problems += [
            f"`{setting}`: {data or 'the phantoms'} come(s) with splits of its own; leave it out"
            for setting, is_asked in asked.items()
            if is_asked
        ]
    return problems


def unfit_for_table(data: str | None, has_patients: bool, table: TableSettings) -> list[str]:
    """A file of patients beside a table of images, and a table's settings without one."""
    name = data or "the phantoms"
    if data is not None and is_npz(data) and has_patients:
        return [f"`patients`: {name} holds no names of images that patients could be told by"]
    if data is None or not is_table(data):
        return [
            f"`{setting}`: {name} is no table (.csv, .tsv, .txt, .xlsx); leave it out"
            for setting, value in vars(table).items()
            if value and not (setting == "labels" and data is not None and is_npz(data))
        ]
    problem = (
        f"`patients`: {name} itself says whose its images are; leave it out, and name the "
        "column (`columns`: patient=COLUMN)"
    )
    return [problem] if has_patients else []


def load_evaluation_split(
    data: Path | Sequence[Path],
    split: str,
    classes: Sequence[str],
    cache: Path,
    *,
    source: Sequence[str] = (),
    patients: Table | None = None,
    merge: Sequence[str] = (),
    table: TableSettings = USUAL_TABLE,
    skip_unreadable: bool = False,
    memory_budget: float = math.inf,
    preparation: Preparation = AS_TORCHVISION,
    findings: bool = False,
    progress: Progress = lambda items, _description, _length: items,
) -> Dataset:
    """One split of a folder or table, labelled as a model of these classes numbers them.

    Where there are no splits it is all images. `merge` says which classes the model's were joined
    from: the data may have either. With `findings` an image may have several of `classes`, and only
    tables say so. `cache`, `table`, `skip_unreadable`, `memory_budget`,
    `preparation` and, where there are several data, `source` and `patients` are as in
    `load_dataset`. Raises InputError with all that is wrong with the split, such as classes that
    the model does not know.
    """
    paths = [data] if isinstance(data, Path) else list(data)
    known = tuple(dict.fromkeys((*classes, *joined(merge))))
    wanted = classes if findings else None
    check(_without_findings(paths, wanted))

    def read(path: Path, patients: Table | None, _of_others: Sequence[str] = ()) -> Listed:
        if is_table(str(path)):
            listed = read_listed(path, table, purpose=None, findings=wanted)
            return listed_split(listed, split, known, path)
        return folders.with_patients(
            Listed(path, scan_split(path, split, known), None), patients, alone=False
        )

    if len(paths) > 1 or source:
        listed = _joined([*map(str, paths)], source, patients, table, read)
    elif is_npz(str(paths[0])):
        (path,) = paths
        dataset = load_npz(path, chosen_labels(table.labels), progress, SIDES[0], preparation)
        return relabelled(split_for(dataset, split, known, path), classes, joined(merge))
    elif is_table(str(paths[0])):
        listed = read(paths[0], None)
    else:
        listed = Listed(paths[0], scan_split(paths[0], split, known), None)
    dataset = folders.load_whole(
        listed,
        cache,
        skip_unreadable=skip_unreadable,
        memory_budget=memory_budget,
        progress=progress,
        stored_side=0,
        preparation=preparation,
    )
    return dataset if findings else relabelled(dataset, classes, joined(merge))


def _without_findings(paths: Sequence[Path], findings: Sequence[str] | None) -> list[str]:
    """Data that cannot say which of several findings an image has."""
    return [
        f"`data`: {path} is no table; the network answers several findings per image "
        f"({', '.join(findings or ())}), so give a table of them"
        for path in paths
        if findings is not None and not is_table(str(path))
    ]


def load_whole(
    data: Path,
    cache: Path,
    *,
    table: TableSettings = USUAL_TABLE,
    skip_unreadable: bool,
    memory_budget: float,
    preparation: Preparation = AS_TORCHVISION,
    progress: Progress,
) -> Dataset:
    """All images of a table, or of a folder of splits, any of them, or of classes without a split.

    `cache`, `table`, `skip_unreadable`, `memory_budget` and `preparation` are as in
    `load_dataset`. Raises InputError with all that is wrong.
    """
    purpose = "shortcuts show between two classes or more"
    if is_npz(str(data)):
        dataset = load_npz(data, chosen_labels(table.labels), progress, SIDES[0], preparation)
        few = f"`data`: {data} holds {len(dataset.classes)} class(es); {purpose}"
        check([few] * (len(dataset.classes) < 2))
        return dataset
    if is_table(str(data)):
        listed = read_listed(data, table, purpose=purpose)
    else:
        listed = Listed(data, scan_all(data, purpose), None)
    return folders.load_whole(
        listed,
        cache,
        skip_unreadable=skip_unreadable,
        memory_budget=memory_budget,
        preparation=preparation,
        progress=progress,
    )


def phantoms(
    cache: Path,
    progress: Progress = lambda items, _description, _length: items,
    stored_side: int | None = None,
    preparation: Preparation = AS_TORCHVISION,
) -> Dataset:
    """The built-in dataset of drawn chest X-rays in three classes, always the same.

    `cache`, `stored_side` and `preparation` are as in `load_dataset`.
    """
    side = SIDES[0] if stored_side is None else stored_side
    digest = hashlib.blake2b(digest_size=16)
    splits = {}
    for name, pictures in drawn_phantoms(cache, progress).items():
        digest.update(pictures.tobytes())
        labels, paths = phantom.listed(name)
        records = [
            images.prepare(Image.fromarray(image), label, f"{path}.png", side, preparation)
            for image, label, path in zip(pictures, labels, paths, strict=True)
        ]
        splits[name] = assemble(name, records)
    return Dataset(
        "phantoms",
        phantom.CLASSES,
        splits,
        sided(digest.hexdigest(), side, preparation),
        stored_side=side,
        preparation=preparation,
    )
