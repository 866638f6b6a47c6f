"""Which image files lie where in a folder of splits and classes."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from jaxcovid.errors import InputError, check

SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid"),
    "test": ("test", "testdata", "testing"),
}
# The name of all images of a folder without splits.
WHOLE = "images"
SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm")


class ImageFile(NamedTuple):
    """One image file: its split, and its class by name or None without a class folder.

    `digest` is of its content, in hexadecimal, once `fingerprint` has read it.
    """

    split: str
    label: str | None
    path: Path
    digest: str = ""


class Layout(NamedTuple):
    """The classes of a folder in the order of their numbers, its images, and other files' paths."""

    classes: tuple[str, ...]
    files: tuple[ImageFile, ...]
    ignored: tuple[str, ...]


def scan(folder: Path) -> Layout:
    """Finds splits, classes and images in a folder for training.

    Splits are sub-folders by any name in SPLITS, in any case; "test" may be missing, and its images
    need no class. Classes are the training folders' names, sorted. Raises InputError with all that
    is wrong.
    """
    roots = _split_folders(folder, SPLITS, optional=("test",))
    files, ignored, problems = _files_of_splits(folder, roots)

    by_split = {split: {file.label for file in files if file.split == split} for split in roots}
    classes = tuple(sorted(label for label in by_split["train"] if label is not None))
    check(problems if not classes else ())
    if len(classes) < 2:
        problems.append(
            f"{roots['train']}: {len(classes)} class folder(s); training needs at least two"
        )
    for split in roots:
        for label in sorted(
            label for label in by_split[split] if label is not None and label not in classes
        ):
            problems.append(
                f"{roots[split] / label}: class {label!r} is not in {roots['train']}; add training "
                "images of it or remove the folder"
            )
    check(problems)
    return Layout(classes, tuple(files), tuple(ignored))


def scan_split(folder: Path, split: str, classes: Sequence[str]) -> Layout:
    """Finds the images of one split of a folder, for a model of these classes.

    A folder without any split is the split, whichever is asked for. Raises InputError with all that
    is wrong: no such split, images without a class folder, or classes that the model does not know.
    """
    if split not in SPLITS:
        raise InputError([f"`split`: {split!r} is none of {', '.join(SPLITS)}"])
    root = folder if _is_whole(folder) else _split_folders(folder, (split,))[split]
    files, others = _files_of_split(split, root)
    labels = {file.label for file in files}
    problems = _name_problems(files, folder)
    if labels == {None}:
        problems.append(
            f"{root}: no class folders, so nothing to compare predictions with; for predictions "
            "alone use experiments/predict.py"
        )
    else:
        problems += _split_problems(split, root, files)
    problems += [
        f"{root / label}: class {label!r} is unknown to the model, which knows "
        f"{', '.join(classes)}; rename or remove the folder"
        for label in sorted(label for label in labels if label is not None)
        if label not in classes
    ]
    check(problems)
    ignored = tuple(printable(path.relative_to(folder)) for path in others)
    return Layout(tuple(classes), tuple(files), ignored)


def scan_all(folder: Path) -> Layout:
    """Finds all images of a folder of splits, or of classes: then its one split is `WHOLE`.

    Classes are those of all splits, sorted. Raises InputError with all that is wrong.
    """
    roots = {WHOLE: folder} if _is_whole(folder) else _split_folders(folder, _splits_in(folder))
    files, ignored, problems = _files_of_splits(folder, roots)
    classes = tuple(sorted({file.label for file in files if file.label is not None}))
    if len(classes) < 2 and not problems:
        problems.append(
            f"{folder}: {len(classes)} class folder(s); shortcuts show between two classes or more"
        )
    check(problems)
    return Layout(classes, tuple(files), tuple(ignored))


def split_named(name: str) -> str | None:
    """The split whose folder may be called that, in any case; None if there is none such."""
    return next((split for split, names in SPLITS.items() if name.lower() in names), None)


def _is_whole(folder: Path) -> bool:
    """Whether a folder has folders, and none of them is named as a split."""
    return (
        folder.is_dir()
        and not _splits_in(folder)
        and any(child.is_dir() and not child.name.startswith(".") for child in folder.iterdir())
    )


def _splits_in(folder: Path) -> list[str]:
    """The splits that a folder has a folder for; all if it is none, for the message on that."""
    if not folder.is_dir():
        return list(SPLITS)
    names = {child.name.lower() for child in folder.iterdir() if child.is_dir()}
    return [split for split, aliases in SPLITS.items() if not names.isdisjoint(aliases)]


def fingerprint(
    layout: Layout,
    folder: Path,
    progress: Callable[[Iterable[ImageFile]], Iterable[ImageFile]] = iter,
) -> tuple[str, Layout]:
    """A digest of a layout, and the layout with a digest for each file.

    The digest (BLAKE2b of 128 bits, in hexadecimal) covers splits, classes, names and contents of
    all images. `progress` may show how many of the files have been read.
    """
    total = hashlib.blake2b(digest_size=16)
    files = []
    for file in progress(layout.files):
        digest = _content_digest(file.path)
        files.append(file._replace(digest=digest))
        name = file.path.relative_to(folder).as_posix()
        total.update(f"{file.split}\0{file.label}\0{name}\0{digest}\n".encode())
    if layout.classes != tuple(sorted({file.label for file in files if file.label is not None})):
        # The numbers of the classes, which are stored, do not follow from the files.
        total.update("\0".join(layout.classes).encode())
    return total.hexdigest(), layout._replace(files=tuple(files))


def _content_digest(path: Path) -> str:
    try:
        if not path.is_file():
            return "no file"  # a dangling link, say: decoding will report it
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        return f"unreadable {error.errno}"


def shared_between_splits(layout: Layout, folder: Path) -> list[str]:
    """Pairs of identical files in two splits, as "path = path" relative to the folder.

    A score on such a split is partly memory. The layout is one that `fingerprint` returned.
    """
    first: dict[str, ImageFile] = {}
    pairs = []
    for file in layout.files:
        other = first.setdefault(file.digest, file)
        if len(file.digest) == 32 and other.split != file.split:
            names = (twin.path.relative_to(folder).as_posix() for twin in (other, file))
            pairs.append(" = ".join(names))
    return pairs


def printable(path: Path) -> str:
    """A path as text that can be written anywhere: what is not Unicode in it is replaced."""
    return os.fsencode(path).decode("utf-8", "replace")


def _split_folders(
    folder: Path, splits: Iterable[str], optional: Container[str] = ()
) -> dict[str, Path]:
    """Where each split lies. Raises InputError."""
    if not folder.is_dir():
        kind = "is not a folder" if folder.exists() else "does not exist"
        expected = " and ".join(f"{split}/" for split in splits if split not in optional)
        raise InputError([f"`data`: {folder} {kind}; give a folder with {expected}"])
    children = sorted(child for child in folder.iterdir() if child.is_dir())
    roots: dict[str, Path] = {}
    problems = []
    for split in splits:
        aliases = SPLITS[split]
        matches = [child for child in children if child.name.lower() in aliases]
        if len(matches) > 1:
            names = ", ".join(match.name for match in matches)
            problems.append(f"{folder}: {names} all mean the {split} split; keep one of them")
        elif matches:
            roots[split] = matches[0]
        elif split not in optional:
            present = ", ".join(child.name for child in children[:8]) or "no folders"
            problems.append(
                f"{folder}: no {split} split; expected a folder named {' or '.join(aliases)} "
                f"(any case), found {present}"
            )
    check(problems)
    return roots


def find_images(root: Path) -> tuple[list[Path], list[Path]]:
    """The images below a folder (by suffix), and its other files, both sorted; nothing hidden."""
    images, others = [], []
    for path in sorted(_files(root)):
        if any(part.startswith(".") for part in path.relative_to(root).parts):
            continue  # what file managers leave behind
        (images if path.suffix.lower() in SUFFIXES else others).append(path)
    return images, others


def _files_of_splits(
    folder: Path, roots: Mapping[str, Path]
) -> tuple[list[ImageFile], list[str], list[str]]:
    """The images of all splits, the paths of other files, and what is wrong."""
    files: list[ImageFile] = []
    ignored: list[str] = []
    problems: list[str] = []
    for split, root in roots.items():
        of_split, others = _files_of_split(split, root)
        files += of_split
        ignored += [printable(path.relative_to(folder)) for path in others]
        problems += _name_problems(of_split, folder) + _split_problems(split, root, of_split)
    return files, ignored, problems


def _files_of_split(split: str, root: Path) -> tuple[list[ImageFile], list[Path]]:
    images, others = find_images(root)

    def label(path: Path) -> str | None:
        parts = path.relative_to(root).parts
        return parts[0] if len(parts) > 1 else None

    return [ImageFile(split, label(path), path) for path in images], others


def _files(root: Path) -> Iterator[Path]:
    """Everything that is no folder, also behind links, each real folder once."""
    seen = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        status = Path(folder).stat()
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            folders.clear()
            continue
        seen.add(identity)
        yield from (Path(folder, name) for name in names)


def _name_problems(files: list[ImageFile], folder: Path) -> list[str]:
    return [
        f"{printable(file.path)}: the name is not valid Unicode; rename it"
        for file in files
        if printable(file.path.relative_to(folder)) != str(file.path.relative_to(folder))
    ]


def _split_problems(split: str, root: Path, files: list[ImageFile]) -> list[str]:
    counts = Counter(file.label for file in files)
    loose = counts.pop(None, 0)
    folders = sorted(
        child for child in root.iterdir() if child.is_dir() and not child.name.startswith(".")
    )
    empty = [child for child in folders if not counts[child.name]]
    problems = [
        f"{child}: no PNG, JPEG or DICOM image in this class folder; fill or remove it"
        for child in empty
    ]
    if not counts and not loose and not empty:
        problems.append(f"{root}: no PNG, JPEG or DICOM image; the {split} split is empty")
    if loose and (counts or split != "test"):
        problems.append(
            f"{root}: {loose} image(s) outside any class folder, such as "
            f"{next(file.path.name for file in files if file.label is None)}; move them into one"
        )
    return problems
