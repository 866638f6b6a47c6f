"""A table of images as a layout: which files, of which class, patient and split."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from jaxcovid.config import TableSettings
from jaxcovid.data.dataset import Row
from jaxcovid.data.layout import ImageFile, Layout, Listed, path_text
from jaxcovid.data.listing import list_images, names_below
from jaxcovid.data.patient_rows import named
from jaxcovid.data.patients import FURTHER, patient_by_path
from jaxcovid.data.split_folders import SPLITS, WHOLE, split_named
from jaxcovid.data.split_lists import lists_beside, splits_by_lists
from jaxcovid.data.table_columns import Column, Columns, chosen_columns, needs_header
from jaxcovid.data.table_file import TableFile, read_table
from jaxcovid.data.table_findings import agreed_findings, findings_of_rows
from jaxcovid.data.table_images import files_of_rows
from jaxcovid.data.table_labels import Labelled, chosen_labels, labels_of_rows
from jaxcovid.data.table_paths import with_paths
from jaxcovid.data.table_selection import selected_rows
from jaxcovid.data.uncollected import uncollected
from jaxcovid.errors import InputError, check

Readers = Literal["majority", "all", "any"]


class _Image(NamedTuple):
    split: str
    label: str
    row: Row


@uncollected()
def read_listed(
    path: Path,
    settings: TableSettings,
    *,
    with_splits: bool = True,
    purpose: str | None = "training needs at least two",
    findings: Sequence[str] | None = None,
) -> Listed:
    """The images that a table lists. Raises InputError with what is wrong.

    Its splits are those of a column, or of lists beside it; without splits, or if they are not to
    be looked at, all images are of the split `WHOLE`. `purpose` says why one class is too few, None
    where it is not. An image may have several of the `findings`, which are those of the table if
    none is named; for None it is of one class.
    """
    folder = images_folder(path, settings)
    if not folder.is_dir():
        raise InputError([f"`images`: {folder} is not a folder; give where the table's files lie"])
    table = read_table(path, needs_header(settings.columns))
    paths = list_images(folder).images
    path_of = dict(zip(names_below(folder, paths), paths, strict=True))
    pathed = with_paths(table, settings, [*path_of])
    if pathed is not None:
        check(pathed.match.problems)
        table, specifications = pathed.table, pathed.columns
    else:
        specifications = settings.columns
    columns = chosen_columns(table, specifications)
    notes = [f"{path.name}: {note}" for note in (*table.notes, *columns.notes)]
    kept = selected_rows(table, settings.select_rows)
    if len(kept) < len(table.rows):
        notes.append(f"{len(table.rows) - len(kept)} row(s) left out by select_rows")
    rows = [table.rows[place] for place in kept]
    labelled = _labelled(rows, columns.by_role["label"], chosen_labels(settings.labels), findings)
    match = files_of_rows(columns.of("file", rows), [*path_of])
    check(match.problems)
    unlisted = match.unlisted
    if len(rows) < len(table.rows):  # what `select_rows` leaves out has a row
        unlisted = files_of_rows(columns.of("file", table.rows), [*path_of]).unlisted
    splits = _splits(rows, columns, table, kept) if with_splits else [WHOLE] * len(rows)
    if with_splits and "split" not in columns.by_role and (lists := lists_beside(path)):
        splits, read = splits_by_lists(columns.of("file", rows), lists)
        notes += read
    has_test_labels = any(
        name == "test" and label for name, label in zip(splits, labelled.classes, strict=True)
    )
    by_file: dict[str, list[_Image]] = {}
    known = zip(labelled.classes, splits, match.files, _rows(rows, columns), strict=True)
    for label, split, files, row in known:
        if split and (label or (split == "test" and not has_test_labels)):
            for file in files:
                by_file.setdefault(file, []).append(_Image(split, label, row))
    images, of_readers = _one_for_each(by_file, settings.readers, labelled)
    layout, by_path = _layout(images, path_of)
    if len(layout.classes) < (1 if purpose is None or labelled.findings else 2):
        check([_too_few(layout.classes, path, purpose or "at least one is needed")])
    notes += [*labelled.notes, *match.notes, *of_readers]
    return Listed(
        folder, layout, by_path, tuple(notes), findings=labelled.findings, unlisted=unlisted
    )


def _labelled(
    rows: Sequence[Sequence[str]],
    columns: Sequence[Column],
    globs: Mapping[str, Sequence[str]],
    findings: Sequence[str] | None,
) -> Labelled:
    several = None if findings is None else findings_of_rows(rows, columns, globs, findings)
    return labels_of_rows(rows, columns, globs) if several is None else several


def images_folder(path: Path, settings: TableSettings) -> Path:
    """The folder below which the files of a table lie."""
    return settings.images or path.parent


def _splits(
    rows: Sequence[Sequence[str]], columns: Columns, table: TableFile, kept: Sequence[int]
) -> list[str]:
    if "split" not in columns.by_role:
        return [WHOLE] * len(rows)
    said = columns.of("split", rows)
    unknown = [
        (table.lines[place], text)
        for place, text in zip(kept, said, strict=True)
        if split_named(text) is None
    ]
    if unknown:
        line, text = unknown[0]
        raise InputError(
            [
                f"`columns`: {len(unknown)} row(s) are of no split, such as line {line}, {text!r}; "
                f"it must be one of {', '.join(SPLITS)} (or leave the column out by `resplit`)"
            ]
        )
    return [split_named(text) or "" for text in said]


def _rows(rows: Sequence[Sequence[str]], columns: Columns) -> Iterator[Row]:
    names = [name for name in FURTHER if name in columns.by_role]
    of_names = [columns.of(name, rows) for name in names]
    for patient, *values in zip(columns.of("patient", rows), *of_names, strict=True):
        further = {name: value for name, value in zip(names, values, strict=True) if value}
        yield Row(patient, further)


def _one_for_each(
    by_file: Mapping[str, Sequence[_Image]], readers: Readers | None, labelled: Labelled
) -> tuple[dict[str, _Image], list[str]]:
    """One of the rows of each file; of several that differ in class what the readers say."""
    absent, findings = labelled.absent, labelled.findings
    what = "findings" if findings else "classes"
    images, differ, repeated, left = {}, [], 0, 0
    for file, of_file in by_file.items():
        labels = [image.label for image in of_file]
        repeated += len(of_file) - 1
        if len(set(labels)) == 1:
            images[file] = of_file[0]
            continue
        differ.append(f"{file}: {', '.join(sorted(set(labels)))}")
        label = (
            agreed_findings(labels, findings, readers)
            if findings
            else _agreed(labels, readers, absent)
        )
        if label is None:
            left += 1
        else:
            images[file] = of_file[0]._replace(label=label)
    if differ and readers in ("any", "all") and not (absent or findings):
        raise InputError(
            [
                f"`readers`: {readers} is about findings that are there or not, in a column of 0 "
                "and 1; use majority"
            ]
        )
    if differ and readers is None:
        raise InputError(
            [
                f"`data`: the rows of {len(differ)} image(s) name different {what}, such as "
                f"{differ[0]}; correct them, or say whose answer counts (`readers`: majority, all "
                "or any)"
            ]
        )
    notes = [f"{repeated} row(s) more than images, joined"] if repeated else []
    if differ:
        notes.append(
            f"readers disagree on {len(differ)} image(s): {readers}"
            + (f", which leaves {left} out" if left else "")
        )
    check(list(_several(by_file)))
    return images, notes


def _agreed(labels: Sequence[str], readers: Readers | None, absent: frozenset[str]) -> str | None:
    """The class that rows of one image make; None if they leave it open.

    For any of the readers a finding is there as soon as one names it, for all only if none names
    its absence.
    """
    counts = Counter(labels).most_common()
    if readers == "majority":
        return None if counts[0][1] == counts[1][1] else counts[0][0]
    chosen = {label for label in labels if (label in absent) == (readers == "all")}
    return chosen.pop() if len(chosen) == 1 else None


def _several(by_file: Mapping[str, Sequence[_Image]]) -> Iterator[str]:
    """Files whose rows name several patients or splits."""
    whats: dict[str, Callable[[_Image], str]] = {
        "patients": lambda image: image.row.patient,
        "splits": lambda image: image.split,
    }
    for what, of_image in whats.items():
        odd = [
            (file, sorted({of_image(image) for image in of_file}))
            for file, of_file in by_file.items()
            if len({of_image(image) for image in of_file}) > 1
        ]
        if odd:
            file, values = odd[0]
            yield (
                f"`data`: the rows of {len(odd)} image(s) name several {what}, such as {file}: "
                f"{', '.join(values)}; correct the table"
            )


def _layout(
    images: Mapping[str, _Image], path_of: Mapping[str, Path]
) -> tuple[Layout, dict[str, Row]]:
    order = [*SPLITS, WHOLE]

    def place(item: tuple[str, _Image]) -> tuple[int, str, list[str]]:
        name, image = item
        return order.index(image.split), image.label, name.split("/")

    files, rows = [], {}
    for name, image in sorted(images.items(), key=place):
        files.append(ImageFile(image.split, image.label or None, path_of[name]))
        rows[name] = image.row
        if not image.row.patient and (by_path := patient_by_path(named(name, image.split, ""))):
            rows[name] = Row(by_path.patient, image.row.further)
    check(
        [
            f"{text}: the name is not valid Unicode; rename it"
            for name in images
            if not name.isascii() and (text := path_text(Path(name))) != name
        ]
    )
    classes = tuple(sorted({file.label for file in files if file.label is not None}))
    check(
        [
            f"`labels`: class {name!r} holds what cannot be shown; correct the table, or give it "
            "another name, NAME=GLOB"
            for name in classes
            if not name.isprintable()
        ]
    )
    return Layout(classes, tuple(files), ()), rows


def _too_few(classes: Sequence[str], path: Path, purpose: str) -> str:
    held = f"only the class {classes[0]!r}" if classes else "no class"
    return (
        f"`data`: {path} and its images hold {held}; {purpose}. Which values are classes is for "
        "`labels` to say, where the images lie for `images`"
    )
