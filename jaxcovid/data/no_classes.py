"""Folders that would be taken for classes and are something else: sets, patients, all images."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from jaxcovid.data.listing import subfolders
from jaxcovid.data.patients import FOLDERS
from jaxcovid.data.split_folders import split_named
from jaxcovid.data.table_file import SUFFIXES

# What folders of all images, or of something about them, are called; in lower case.
_OF_ALL = frozenset(
    ("images", "image", "img", "imgs", "pictures", "masks", "annotations", "labels", "volumes")
)


def no_classes(root: Path, names: Sequence[str]) -> list[str]:
    """What is wrong with these folders of `root` as classes, and what to give instead."""
    problems = [
        f"{root / name} holds splits itself ({inner}), so it is no class; give it as `data`"
        for name in names
        if (inner := _splits_inside(root / name, 2))
    ]
    patients = [name for name in names if FOLDERS.fullmatch(name)]
    if patients:
        problems.append(
            f"{root}: {len(patients)} folder(s) are of patients, not of classes, such as "
            f"{patients[0]}; {_table_instead(root)}"
        )
    of_all = [name for name in names if name.lower() in _OF_ALL]
    if of_all and len(of_all) == len(names):
        problems.append(f"{root}: {' and '.join(of_all)} tell(s) no class; {_table_instead(root)}")
    return problems


def _splits_inside(folder: Path, depth: int) -> str:
    """Where in a folder, or in one in it, the folder of training images lies; "" if nowhere."""
    try:
        inner = [path for path in subfolders(folder) if path.is_dir()]
    except OSError:
        return ""
    if training := [path.name for path in inner if split_named(path.name) == "train"]:
        return f"{training[0]}/"
    if depth == 1:
        return ""
    found = ((path, _splits_inside(path, depth - 1)) for path in inner)
    return next((f"{path.name}/{inside}" for path, inside in found if inside), "")


def _table_instead(root: Path) -> str:
    """The tables that lie in the folder, or in that around it, as what to give."""
    tables: list[str] = []
    for folder in (root, root.parent):
        with contextlib.suppress(OSError):  # the folder around may be closed to us
            tables += sorted(
                path.name
                for path in folder.iterdir()
                if path.suffix.lower() in SUFFIXES and path.is_file()
            )
    listed = f", such as {' or '.join(tables[:3])}" if tables else ""
    return f"give the table that says the classes as `data`{listed}"
