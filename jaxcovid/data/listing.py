"""Which images lie below a folder, also behind links; what cannot be listed is told."""

import os
import stat
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from jaxcovid.data import dicom

SUFFIXES = (".png", ".jpg", ".jpeg", *dicom.SUFFIXES)

# What systems and file managers leave behind, besides hidden files; in lower case.
LITTER = frozenset(
    (
        "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir", "#recycle",
        "$recycle.bin", "recycler", "system volume information", "lost+found", "__pycache__",
    )
)  # fmt: skip

# So often one folder is listed by different links; more of them could double at every level.
MOST_LINKS = 16

Identity = tuple[int, int]  # of a folder, by whatever path: its device and its number there


class Unlisted(NamedTuple):
    """A path behind which there may be images that cannot be listed, and why."""

    path: Path
    reason: str


class Listing(NamedTuple):
    """The images below a folder (by suffix, DICOM also by content) and other files, both sorted.

    `folders` are those that were listed, by path; of two paths with one identity each has its
    images. Litter and what is hidden are nowhere.
    """

    images: tuple[Path, ...]
    others: tuple[Path, ...]
    unlisted: tuple[Unlisted, ...]
    folders: dict[Path, Identity]


def list_images(root: Path) -> Listing:
    """All below a folder, also behind links; only a link into a folder around itself ends there."""
    images, others, unlisted = [], [], []
    folders: dict[Path, Identity] = {}
    times: Counter[Identity] = Counter()
    waiting: list[tuple[Path, frozenset[Identity]]] = [(root, frozenset())]
    while waiting:
        folder, around = waiting.pop()
        try:
            status = folder.stat()
            identity = (status.st_dev, status.st_ino)
            if identity in around:
                continue
            times[identity] += 1
            if times[identity] > MOST_LINKS:
                if times[identity] == MOST_LINKS + 1:
                    reason = f"more than {MOST_LINKS} links lead to this folder; remove some"
                    unlisted.append(Unlisted(folder, reason))
                continue
            inside = _inside(folder)
        except OSError as error:
            unlisted.append(Unlisted(folder, f"cannot be listed ({error.strerror})"))
            continue
        folders[folder] = identity
        for path, kind in inside:
            if kind == "folder":
                waiting.append((path, around | {identity}))
            elif kind == "image":
                images.append(path)
            elif kind == "other":
                others.append(path)
            else:
                unlisted.append(Unlisted(path, kind))
    images, others = (tuple(sorted(paths, key=_parts)) for paths in (images, others))
    return Listing(images, others, tuple(sorted(unlisted)), folders)


def names_below(root: Path, paths: Iterable[Path]) -> list[str]:
    """The paths relative to a folder around them, with slashes.

    Text is cut, as pathlib takes seconds for 100,000 paths.
    """
    before = f"{root}{os.sep}"
    return [
        text[len(before) :]
        if (text := os.fspath(path)).startswith(before)
        else path.relative_to(root).as_posix()
        for path in paths
    ]


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted, and links of which no one can tell; no litter.

    Raises OSError.
    """
    return sorted(path for path, kind in _inside(folder) if kind not in ("image", "other"))


def _inside(folder: Path) -> list[tuple[Path, str]]:
    """What lies in a folder, and of what `_kind` it is. Raises OSError."""
    with os.scandir(folder) as entries:
        return [
            (path := folder / entry.name, _kind_of_entry(entry) or _kind(path))
            for entry in entries
            if not _is_litter(entry.name)
        ]


def _parts(path: Path) -> list[str]:
    """What paths sort by, as they do by themselves, which takes seconds for 100,000."""
    return os.fspath(path).split(os.sep)  # noqa: PTH206 (quick)


def _is_litter(name: str) -> bool:
    return name.startswith(".") or name.lower() in LITTER


def _kind_of_entry(entry: os.DirEntry[str]) -> str:
    """What needs no look at the file itself: it takes seconds for 100,000. Else empty."""
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    is_picture = os.path.splitext(entry.name)[1].lower() in SUFFIXES  # noqa: PTH122 (quick)
    return "image" if is_picture and entry.is_file(follow_symlinks=False) else ""


def _kind(path: Path) -> str:
    """Whether a path is a folder, an image or another file; or why no one can tell."""
    try:
        status = path.stat()
    except OSError as error:
        if path.suffix.lower() in SUFFIXES:
            return "image"  # reading it tells what is wrong
        if isinstance(error, FileNotFoundError) and path.suffix:
            return "other"
        if isinstance(error, FileNotFoundError):
            return "a link that leads nowhere; mend or remove it"
        return f"cannot be looked at ({error.strerror})"
    if stat.S_ISDIR(status.st_mode):
        return "folder"
    is_image = path.suffix.lower() in SUFFIXES or dicom.is_dicom(path)
    return "image" if is_image else "other"
