"""Pictures that say where something is in others: masks in folders beside the images."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_MASKS = re.compile(r"(^|[^a-z])masks?([^a-z]|$)", re.IGNORECASE)


class Apart(NamedTuple):
    """Images, and what are their masks."""

    images: tuple[Path, ...]
    masks: tuple[Path, ...]


def masks_apart(paths: Sequence[Path], root: Path) -> Apart:
    """The images without those in a folder of masks that an image of the same name lies beside.

    The folder of masks and that of the image lie in one folder, or the image lies in that itself. A
    folder of that name without such images is none: it may be a class.
    """
    folder_of = {path: _mask_folder(path, root) for path in paths}
    if not any(folder_of.values()):
        return Apart(tuple(paths), ())
    images = {
        (around, _stem(path))
        for path in paths
        if folder_of[path] is None
        for around in (path.parent, path.parent.parent)
    }
    masks = {
        path
        for path, folder in folder_of.items()
        if folder is not None and (folder.parent, _stem(path)) in images
    }
    return Apart(
        tuple(path for path in paths if path not in masks),
        tuple(path for path in paths if path in masks),
    )


def _mask_folder(path: Path, root: Path) -> Path | None:
    """The outermost folder of masks that a file lies in, below the root."""
    if not _MASKS.search(str(path.parent)):  # of a hundred thousand files most lie in none
        return None
    for folder in reversed(path.parents):
        if folder != root and folder.is_relative_to(root) and _MASKS.search(folder.name):
            return folder
    return None


def _stem(path: Path) -> str:
    return re.sub(r"[ _-]?mask$", "", path.stem, flags=re.IGNORECASE)
