"""Which folders of a folder are its splits, by many names."""

from collections.abc import Container, Iterable
from pathlib import Path

from jaxcovid.data.listing import subfolders
from jaxcovid.errors import InputError, check

SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid"),
    "test": ("test", "testdata", "testing"),
}
# The name of all images of a folder without splits.
WHOLE = "images"


def split_folders(
    folder: Path, splits: Iterable[str], optional: Container[str] = ()
) -> dict[str, Path]:
    """Where each split lies. Raises InputError."""
    if not folder.is_dir():
        kind = "is not a folder" if folder.exists() else "does not exist"
        expected = " and ".join(f"{split}/" for split in splits if split not in optional)
        raise InputError([f"`data`: {folder} {kind}; give a folder with {expected}"])
    children = _children(folder)
    roots: dict[str, Path] = {}
    problems = []
    for split in splits:
        matches = [child for child in children if split_named(child.name) == split]
        if len(matches) > 1:
            names = ", ".join(match.name for match in matches)
            problems.append(f"{folder}: {names} all mean the {split} split; keep one of them")
        elif matches:
            roots[split] = matches[0]
        elif split not in optional:
            present = ", ".join(child.name for child in children[:8]) or "no folders"
            problems.append(
                f"{folder}: no {split} split; expected a folder named {' or '.join(SPLITS[split])} "
                f"(any case), found {present}"
            )
    check(problems)
    return roots


def split_named(name: str) -> str | None:
    """The split whose folder may be called that, in any case; None if there is none such."""
    named = name.strip().lower()
    return next((split for split, names in SPLITS.items() if named in names), None)


def is_whole(folder: Path) -> bool:
    """Whether a folder has folders, and none of them is named as a split."""
    return folder.is_dir() and not splits_in(folder) and bool(_children(folder))


def splits_in(folder: Path) -> list[str]:
    """The splits that a folder has a folder for; all if it is none, for the message on that."""
    if not folder.is_dir():
        return list(SPLITS)
    named = {split_named(child.name) for child in _children(folder)}
    return [split for split in SPLITS if split in named]


def _children(folder: Path) -> list[Path]:
    """The folders in a folder, sorted. Raises InputError if no one can tell."""
    try:
        return subfolders(folder)
    except OSError as error:
        raise InputError([f"`data`: {folder} cannot be listed ({error.strerror})"]) from None
