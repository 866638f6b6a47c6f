"""Which image files lie where in a folder of splits and classes."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from jaxcovid.data import class_names
from jaxcovid.data.dataset import Row
from jaxcovid.data.listing import (
    SUFFIXES,
    Identity,
    Listing,
    list_images,
    names_below,
    subfolders,
)
from jaxcovid.data.mask_folders import masks_apart
from jaxcovid.data.no_classes import no_classes
from jaxcovid.data.split_folders import SPLITS, WHOLE, is_whole, split_folders, splits_in
from jaxcovid.errors import InputError, check
from weights_convert.printable import printable


class ImageFile(NamedTuple):
    """One image file: its split, and its class by name or None without a class folder.

    `digest` is of its content, in hexadecimal, once `fingerprint` has read it. `name` is its path
    in the data, with slashes, if that is not the one relative to one folder.
    """

    split: str
    label: str | None
    path: Path
    digest: str = ""
    name: str = ""


class Layout(NamedTuple):
    """The classes of a folder in the order of their numbers, its images, and other files' paths.

    `warnings` are sentences about how folders were understood.
    """

    classes: tuple[str, ...]
    files: tuple[ImageFile, ...]
    ignored: tuple[str, ...]
    warnings: tuple[str, ...] = ()


class Listed(NamedTuple):
    """Images that were found: their layout below `folder`, and what is known of them.

    `rows` are by path relative to the folder, None if the patients are still to be looked for;
    `tags` are what then holds where these say nothing. `notes` are sentences on what was
    understood, `unlisted` images below the folder that no row of a table names. With `findings`
    classes are combinations of these.
    """

    folder: Path
    layout: Layout
    rows: Mapping[str, Row] | None
    notes: tuple[str, ...] = ()
    tags: Mapping[str, Row] = MappingProxyType({})
    findings: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()


# The folder of each split, and what lies in it.
_Listings = Mapping[str, tuple[Path, Listing]]


def scan(folder: Path, fewest: int = 2) -> Layout:
    """Finds splits, classes and images in a folder of splits for training.

    Splits are sub-folders by any name in SPLITS, in any case; "validation" and "test" may be
    missing, and images of the latter need no class. Classes are the training folders' names,
    sorted. Raises InputError with all that is wrong, such as fewer classes than `fewest`.
    """
    listings = _listings(split_folders(folder, SPLITS, optional=("validation", "test")))
    train = listings["train"][0]
    files, warnings = _labelled(listings, _spelled_once(_class_folders(*listings["train"])))
    problems = _problems(folder, listings, files)
    classes = tuple(sorted(set(_class_of(train, files).values())))
    check(problems if not classes else ())
    if len(classes) < fewest:
        problems.append(f"{train}: {len(classes)} class folder(s); training needs at least two")
    for split, (root, _) in listings.items():
        problems += [
            f"{path}: class {path.name!r} is not in {train}; add training images of it or remove "
            f"the folder{class_names.likeness(path.name, classes)}"
            for path, label in _class_of(root, files).items()
            if split != "train" and label not in classes
        ]
    check(problems)
    return Layout(
        classes, files, _ignored(folder, listings), (*warnings, *_unread(folder, listings))
    )


def scan_split(folder: Path, split: str, classes: Sequence[str]) -> Layout:
    """Finds the images of one split of a folder, for a model of these classes.

    A folder without any split is the split, whichever is asked for. Raises InputError with all that
    is wrong: no such split, images without a class folder, or classes that the model does not know.
    """
    if split not in SPLITS:
        raise InputError([f"`split`: {split!r} is none of {', '.join(SPLITS)}"])
    root = folder if is_whole(folder) else split_folders(folder, (split,))[split]
    listings = _listings({split: root})
    files, warnings = _labelled(listings, classes)
    if {file.label for file in files} == {None}:
        problems = _name_problems(files, folder) + _unlisted_problems(listings)
        problems.append(
            f"{root}: no class folders, so nothing to compare predictions with; for predictions "
            "alone use experiments/predict.py"
        )
    else:
        problems = _problems(folder, listings, files)
    problems += [
        f"{path}: class {path.name!r} is unknown to the model, which knows {', '.join(classes)}; "
        f"rename or remove the folder{class_names.likeness(path.name, classes)}"
        for path, label in _class_of(root, files).items()
        if label not in classes
    ]
    check(problems)
    return Layout(tuple(classes), files, _ignored(folder, listings), warnings)


def listed_split(listed: Listed, split: str, classes: Sequence[str], table: Path) -> Listed:
    """The images of one split of a table, for a model of these classes; all if it has no splits.

    Raises InputError with all that is wrong: no such split, images without a class, or classes that
    the model does not know. Combinations of findings are all known.
    """
    layout = listed.layout
    if listed.findings:
        classes = layout.classes
    labels = class_names.unified(layout.classes, classes)
    files = [
        file._replace(split=split, label=None if file.label is None else labels[file.label])
        for file in layout.files
        if file.split in (split, WHOLE)
    ]
    splits = dict.fromkeys(file.split for file in layout.files)
    problems = [
        f"{table}: class {name!r} is unknown to the model, which knows {', '.join(classes)}; say "
        "which values are its classes (`labels`), or which rows to use (`select_rows`)"
        f"{class_names.likeness(name, classes)}"
        for name in sorted({file.label for file in files if file.label is not None})
        if name not in classes
    ]
    if not files:
        problems.append(f"`split`: {table} has no {split} images; it has {', '.join(splits)}")
    elif {file.label for file in files} == {None}:
        problems.append(
            f"{table}: no {split} image has a class, so there is nothing to compare predictions "
            "with; for predictions alone use experiments/predict.py"
        )
    check(problems)
    return listed._replace(layout=Layout(tuple(classes), tuple(files), layout.ignored))


def scan_all(
    folder: Path, purpose: str = "shortcuts show between two classes or more", fewest: int = 2
) -> Layout:
    """Finds all images of a folder of splits, or of classes: then its one split is `WHOLE`.

    Classes are those of all splits, sorted. Raises InputError with all that is wrong; `purpose`
    says why fewer classes than `fewest` are too few.
    """
    roots = {WHOLE: folder} if is_whole(folder) else split_folders(folder, splits_in(folder))
    listings = _listings(roots)
    names = {name for of_split in listings.values() for name in _class_folders(*of_split)}
    files, warnings = _labelled(listings, _spelled_once(names))
    problems = _problems(folder, listings, files)
    classes = tuple(sorted({file.label for file in files if file.label is not None}))
    if len(classes) < fewest and not problems:
        problems.append(f"{folder}: {len(classes)} class folder(s); {purpose}")
    check(problems)
    unread = () if WHOLE in roots else _unread(folder, listings)
    return Layout(classes, files, _ignored(folder, listings), (*warnings, *unread))


def names_of(layout: Layout, folder: Path) -> list[str]:
    """What each file is called in the data: all lie below that folder, or all are named."""
    if all(file.name for file in layout.files):
        return [file.name for file in layout.files]
    return names_below(folder, (file.path for file in layout.files))


def path_text(path: Path) -> str:
    """A path as text that can be written anywhere: what is not Unicode in it is replaced."""
    return os.fsencode(path).decode("utf-8", "replace")


def _listings(roots: Mapping[str, Path]) -> _Listings:
    """What lies in each split; masks are no images of it."""
    listings = {}
    for split, root in roots.items():
        listing = list_images(root)
        images, masks = masks_apart(listing.images, root)
        others = tuple(sorted((*listing.others, *masks)))
        listings[split] = root, listing._replace(images=images, others=others)
    return listings


def _class_folders(root: Path, listing: Listing) -> list[str]:
    """Names of the folders in that of a split, which was listed."""
    return sorted(path.name for path in listing.folders if path.parent == root)


def _spelled_once(names: Collection[str]) -> list[str]:
    """Those of the names that no other of them equals but for how accents are stored."""
    forms = Counter(map(class_names.composed, names))
    return [name for name in names if forms[class_names.composed(name)] == 1]


def _labelled(
    listings: _Listings, known: Collection[str]
) -> tuple[tuple[ImageFile, ...], tuple[str, ...]]:
    """The images of all splits with their classes, and sentences on names that are taken as one.

    Such names differ only in how accents are stored; the one that is `known` stands for them.
    """
    names = sorted({name for of_split in listings.values() for name in _class_folders(*of_split)})
    labels = class_names.unified(names, known)
    files = []
    for split, (root, listing) in listings.items():
        for path, name in zip(listing.images, names_below(root, listing.images), strict=True):
            top, below, _ = name.partition("/")
            files.append(ImageFile(split, labels[top] if below else None, path))
    spelled: dict[str, list[str]] = {}
    for name, label in labels.items():
        spelled.setdefault(label, []).append(name)
    warnings = [
        f"folders of class {label} are named in {len(of_class)} ways, "
        f"{' and '.join(map(ascii, of_class))}, which are taken as one"
        for label, of_class in spelled.items()
        if len(of_class) > 1
    ]
    return tuple(files), tuple(warnings)


def _class_of(root: Path, files: Iterable[ImageFile]) -> dict[Path, str]:
    """The class folders of a split that hold images, sorted, and the class of each."""
    # By folders: a look at each of 100,000 paths takes seconds.
    labels = {file.path.parent: file.label for file in files if file.label is not None}
    return {
        root / folder.relative_to(root).parts[0]: label
        for folder, label in labels.items()
        if root in folder.parents
    }


def _ignored(folder: Path, listings: _Listings) -> tuple[str, ...]:
    return tuple(
        path_text(path.relative_to(folder))
        for _, listing in listings.values()
        for path in listing.others
    )


def _unread(folder: Path, listings: _Listings) -> Iterator[str]:
    """Sentences on folders beside the splits that hold images, too."""
    read = {root for root, _ in listings.values()}
    for beside in subfolders(folder):
        if beside not in read and (found := list_images(beside).images):
            yield (
                f"{len(found)} image(s) in {path_text(beside)} are not read, as the folder is none "
                f"of the splits ({', '.join(listings)})"
            )


def _problems(folder: Path, listings: _Listings, files: Sequence[ImageFile]) -> list[str]:
    """What is wrong with the folders and files of all splits."""
    problems = _unlisted_problems(listings) + _folders_of_two_classes(listings)
    for split, (root, listing) in listings.items():
        problems += no_classes(root, _class_folders(root, listing))
        of_split = [file for file in files if file.split == split]
        problems += _name_problems(of_split, folder)
        problems += _split_problems(split, root, listing, of_split)
    return problems


def _unlisted_problems(listings: _Listings) -> list[str]:
    return [
        f"{printable(str(path), 500)}: {reason}"
        for _, listing in listings.values()
        for path, reason in listing.unlisted
    ]


def _folders_of_two_classes(listings: _Listings) -> list[str]:
    """Folders that are the same by links, though their images would be of two classes."""
    first: dict[Identity, tuple[str, Path]] = {}
    same: set[Path] = set()
    problems = []
    for root, listing in listings.values():
        for path, identity in sorted(listing.folders.items()):
            if path == root:
                continue
            label = class_names.composed(path.relative_to(root).parts[0])
            of_first, other = first.setdefault(identity, (label, path))
            if label == of_first:
                continue
            if path.parent not in same:
                problems.append(
                    f"{path} and {other} are the same folder, so its images are of two classes; "
                    "remove one of the links"
                )
            same.add(path)
    return problems


def _name_problems(files: Sequence[ImageFile], folder: Path) -> list[str]:
    names = names_below(folder, (file.path for file in files))
    return [
        f"{path_text(file.path)}: the name is not valid Unicode; rename it"
        for file, name in zip(files, names, strict=True)
        if not name.isascii() and path_text(Path(name)) != name
    ]


def _split_problems(
    split: str, root: Path, listing: Listing, files: Sequence[ImageFile]
) -> list[str]:
    unlisted = (path for path, _ in listing.unlisted if path != root)
    held = {name.partition("/")[0] for name in names_below(root, (*listing.images, *unlisted))}
    empty = [root / name for name in _class_folders(root, listing) if name not in held]
    masks = [path for path in listing.others if path.suffix.lower() in SUFFIXES]
    problems = [
        f"{child}: named as masks are, with files that are named as images beside it; if it is a "
        "class, rename it, else move it out"
        if any(path.is_relative_to(child) for path in masks)
        else f"{child}: no PNG, JPEG or DICOM image in this class folder; fill or remove it"
        for child in empty
    ]
    if not held and not empty and not listing.unlisted:
        problems.append(f"{root}: no PNG, JPEG or DICOM image; the {split} split is empty")
    loose = [file.path.name for file in files if file.label is None]
    if loose and (len(loose) < len(files) or split != "test"):
        problems.append(
            f"{root}: {len(loose)} image(s) outside any class folder, such as {loose[0]}; move "
            "them into one"
        )
    return problems
