"""Classes joined into one, such as covid-19 and pneumonia into infected."""

from collections.abc import Mapping, Sequence

import numpy as np

from jaxcovid.data.dataset import Dataset
from jaxcovid.errors import check


def merged(dataset: Dataset, specifications: Sequence[str]) -> Dataset:
    """The same images under fewer classes, each specification being `new=class+class`.

    Raises InputError naming what is no class or is joined twice.
    """
    if not specifications:
        return dataset
    renamed: dict[str, str] = {}
    problems = []
    for text in specifications:
        name, parts = _parts(text)
        for part in parts:
            if not name or part not in dataset.classes:
                problems.append(
                    f"--merge: {part!r} in {text!r} is no class of {dataset.name}; write "
                    f"new=class+class, with {', '.join(dataset.classes)}"
                )
            elif part in renamed:
                problems.append(f"--merge: {part!r} is joined twice")
            renamed[part] = name
    check(problems)
    names = [renamed.get(name, name) for name in dataset.classes]
    classes = tuple(sorted(set(names)))
    if len(classes) < 2:
        check([f"--merge: only {names[0]!r} is left; training needs at least two classes"])
    return relabelled(dataset, classes, renamed)


def joined(specifications: Sequence[str]) -> dict[str, str]:
    """The new name of every class that is joined."""
    pairs = (_parts(text) for text in specifications)
    return {part: name for name, parts in pairs for part in parts}


def relabelled(dataset: Dataset, classes: Sequence[str], renamed: Mapping[str, str]) -> Dataset:
    """The same images under these classes; `renamed` gives the new names, others stay."""
    numbers = np.array([classes.index(renamed.get(each, each)) for each in dataset.classes])

    def new(labels: np.ndarray) -> np.ndarray:
        return np.where(labels < 0, labels, numbers.astype(labels.dtype)[labels.clip(0)])

    splits = {
        name: split._replace(labels=new(split.labels)) for name, split in dataset.splits.items()
    }
    return dataset._replace(classes=tuple(classes), splits=splits)


def _parts(text: str) -> tuple[str, list[str]]:
    name, _, parts = text.partition("=")
    return name.strip(), [part.strip() for part in parts.split("+")]
