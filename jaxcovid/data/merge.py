"""Classes joined into one, such as covid-19 and pneumonia into infected."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int

from jaxcovid.data.dataset import Dataset
from jaxcovid.errors import check


def merged(dataset: Dataset, specifications: Sequence[str]) -> Dataset:
    """A dataset's images under fewer classes, sorted by name.

    Each specification is `new=class+class`. Raises InputError with every part that is no class or
    is joined twice, or if only one class would be left.
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
                    f"`merge`: {part!r} in {text!r} is no class of {dataset.name}; write "
                    f"new=class+class, with {', '.join(dataset.classes)}"
                )
            elif part in renamed:
                problems.append(f"`merge`: {part!r} is joined twice")
            renamed[part] = name
    check(problems)
    names = [renamed.get(name, name) for name in dataset.classes]
    classes = tuple(sorted(set(names)))
    if len(classes) < 2:
        check([f"`merge`: only {names[0]!r} is left; training needs at least two classes"])
    return relabelled(dataset, classes, renamed)


def joined(specifications: Sequence[str]) -> dict[str, str]:
    """The new name of every class that the specifications `new=class+class` join."""
    pairs = (_parts(text) for text in specifications)
    return {part: name for name, parts in pairs for part in parts}


def relabelled(dataset: Dataset, classes: Sequence[str], renamed: Mapping[str, str]) -> Dataset:
    """A dataset's images labelled by these classes, in that order.

    `renamed` gives new names of old classes; others keep theirs. Unlabelled images stay so. Raises
    ValueError if a class has no place in `classes`.
    """
    numbers = np.array([classes.index(renamed.get(name, name)) for name in dataset.classes])

    def new(labels: Int[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
        return np.where(labels < 0, labels, numbers.astype(labels.dtype)[labels.clip(0)])

    splits = {
        name: split._replace(labels=new(split.labels)) for name, split in dataset.splits.items()
    }
    return dataset._replace(classes=tuple(classes), splits=splits)


def _parts(text: str) -> tuple[str, list[str]]:
    name, _, parts = text.partition("=")
    return name.strip(), [part.strip() for part in parts.split("+")]
