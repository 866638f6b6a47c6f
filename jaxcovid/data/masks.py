"""Pictures that say where in an image the lungs are."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from jaxcovid.config import Fit
from jaxcovid.data.images import UnreadableError, evaluation_view, read_image
from jaxcovid.data.preparation import Preparation
from jaxcovid.errors import check


def read_masks(
    folder: Path, paths: Sequence[str], fit: Fit = "crop"
) -> Bool[np.ndarray, "n 224 224"] | None:
    """The masks in these files of a folder, made square as images are; white is lung.

    None without any path. Raises InputError with every image that has none, or none that can be
    read.
    """
    if not any(paths):
        return None
    masks, problems = np.zeros((len(paths), 224, 224), bool), []
    for place, path in enumerate(paths):
        try:
            if not path:
                raise UnreadableError("an image has no mask here, though others have")
            mask = evaluation_view(read_image(folder / path), Preparation(fit))
            masks[place] = mask.mean(-1) > 127
        except UnreadableError as error:
            problems.append(f"`patients`: column mask, {path or 'an empty cell'}: {error}")
    check(problems)
    return masks
