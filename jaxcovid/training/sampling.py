"""Which training images are to be drawn equally often."""

import numpy as np
from jaxtyping import Int

from jaxcovid.config import TrainingSettings
from jaxcovid.data.dataset import Dataset
from jaxcovid.errors import InputError

# A table's column that names the source of each image.
SOURCE = "source"


def sampling_groups(settings: TrainingSettings, dataset: Dataset) -> Int[np.ndarray, "n"] | None:
    """The group of each training image, all of which are to be drawn alike; None if images are.

    Groups are classes, or classes within sources: drawn alike, neither tells of the other (Idrissi
    and others, Simple data balancing achieves competitive worst-group-accuracy, 2022). Raises
    InputError if sources are asked for and not known.
    """
    if settings.sampling == "as-is":
        return None
    labels = dataset.splits["train"].labels
    if settings.sampling == "balanced":
        return labels
    sources = dataset.columns.get("train", {}).get(SOURCE)
    if not sources:
        raise InputError(
            [
                "`sampling`: no column says which source each image is of; name one (`columns`: "
                "source=COLUMN), or give it in a file of `patients`, or draw by class (balanced)"
            ]
        )
    if unknown := sources.count(""):
        path = dataset.splits["train"].paths[sources.index("")]
        raise InputError(
            [
                f"`sampling`: {unknown} training image(s) are of no known source, such as {path}; "
                "fill that in, or draw by class (balanced)"
            ]
        )
    cells = np.char.add(np.char.add(np.array(sources), "\n"), labels.astype(str))
    return np.unique(cells, return_inverse=True)[1]
