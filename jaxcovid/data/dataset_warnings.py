"""What to know of a set of images before it is believed: copies, scarce classes, blank images."""

from collections.abc import Iterator

from jaxcovid.data.blank import blank_images
from jaxcovid.data.class_names import look_alikes
from jaxcovid.data.dataset import Dataset, images_of_classes
from jaxcovid.data.split_folders import WHOLE

# Of fewer validation images a class says too little.
FEW_TO_CHOOSE = 5


def with_training_warnings(dataset: Dataset) -> Dataset:
    """The dataset as it is trained on, with sentences on names and what `_problems` tells."""
    named = [
        f"{sentence}; if they are one, rename a folder or join them (`merge`)"
        for sentence in look_alikes(dataset.findings or dataset.classes)
    ]
    return _warned(dataset, [*named, *_few_to_choose(dataset), *_problems(dataset)])


def with_evaluation_warnings(dataset: Dataset) -> Dataset:
    """The dataset as it is evaluated on, with sentences on what `_problems` tells."""
    return _warned(dataset, _problems(dataset))


def _problems(dataset: Dataset) -> list[str]:
    """On scarce classes, copies, and images that show almost nothing."""
    return [*_scarce(dataset), *_copied(dataset), *blank_images(dataset)]


def _warned(dataset: Dataset, warnings: list[str]) -> Dataset:
    return dataset._replace(warnings=(*dataset.warnings, *warnings))


def _scarce(dataset: Dataset) -> Iterator[str]:
    """Of labelled splits: classes without an image or with a single one."""
    for name, split in dataset.splits.items():
        if name == WHOLE or not (split.labels >= 0).any():
            continue
        counts = images_of_classes(dataset, split)
        what = "with" if dataset.findings else "of class"
        for wanted, text in ((0, "no {} image"), (1, "only one {} image")):
            scarce = [label for label, count in counts.items() if count == wanted]
            if scarce:
                yield f"{text.format(name)} {what} {', '.join(scarce)}"


def _few_to_choose(dataset: Dataset) -> list[str]:
    """Classes with so few validation images, but several, that these choose by chance."""
    if (split := dataset.splits.get("validation")) is None:
        return []
    counts = images_of_classes(dataset, split)
    few = [f"{name} ({count})" for name, count in counts.items() if 1 < count < FEW_TO_CHOOSE]
    what = "with" if dataset.findings else "of class"
    return [
        f"fewer than {FEW_TO_CHOOSE} validation images {what} {', '.join(few)}: too few to choose "
        "an epoch or thresholds by"
    ] * bool(few)


def _copied(dataset: Dataset) -> Iterator[str]:
    """Of files with the same content: those in two splits, of two classes, and others."""
    places = {
        path: (name, int(label))
        for name, split in dataset.splits.items()
        for path, label in zip(split.paths, split.labels, strict=True)
    }
    splits, classes, others = [], [], []
    for paths in dataset.copies:
        first, *further = [path for path in paths if path in places] or [""]
        across = [path for path in further if places[path][0] != places[first][0]]
        splits += [f"{first} = {path}" for path in across]
        labels = {path: places[path][1] for path in (first, *further) if path}
        labelled = [path for path, label in labels.items() if label >= 0]
        other = [path for path in labelled if labels[path] != labels[labelled[0]]]
        classes += [f"{labelled[0]} and {other[0]}" for _ in other[:1]]
        others += [f"{path} and {first}" for path in further if places[path] == places[first]]
    if splits:
        yield f"{len(splits)} image(s) occur in two splits, such as {splits[0]}"
    if classes:
        images = "1 image occurs" if len(classes) == 1 else f"{len(classes)} images occur"
        what = "with two sets of findings" if dataset.findings else "in two classes"
        yield f"{images} {what}, such as {classes[0]}: look which label is right"
    if others:
        files = "1 file is a copy" if len(others) == 1 else f"{len(others)} files are copies"
        yield f"{files} of another of the same class and split, such as {others[0]}"
