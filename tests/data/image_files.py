"""Folders of images for tests, and what is loaded from them."""

from jaxcovid.data import folders, sources
from tests.conftest import picture


def write_pictures(root, *names):
    """The folder with a small picture by each name."""
    for index, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(index).save(path)
    return root


def load_folder(folder, cache, skip=False, memory_budget=1e12, stored_side=None):
    """The dataset of a folder."""
    return folders.load_listed(
        folders.listed_folder(folder, None, again=False), cache, skip_unreadable=skip,
        memory_budget=memory_budget, stored_side=stored_side, progress=lambda items, *_: items,
    )  # fmt: skip


def load_split(folder, split, classes, cache, skip=False, memory_budget=1e12):
    """One split of a folder, for a model of these classes."""
    return sources.load_evaluation_split(
        folder, split, classes, cache, skip_unreadable=skip, memory_budget=memory_budget
    )
