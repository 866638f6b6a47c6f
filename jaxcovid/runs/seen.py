"""How much of an image a network is given, where the rest is cut off."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from jaxcovid.data.dataset import Split
from jaxcovid.data.preparation import Fit, seen_box, seen_share
from jaxcovid.results import Seen

HEIGHT = 160  # pixels of a whole image that is shown
MOST = 6  # of them, so that they can be made out beside each other


def seen_part(split: Split, classes: Sequence[str], fit: Fit) -> Seen | None:
    """What a network sees of the images of each class, and one in the middle of the first classes.

    None where it sees all, or sizes of the images are not known.
    """
    if fit != "crop" or len(split.headers) != len(split.labels):
        return None
    sizes = [(header.width, header.height) for header in split.headers]
    shares = np.array([seen_share(size, fit) for size in sizes])
    medians, images = {}, []
    for label, name in enumerate(classes):
        members = np.flatnonzero(split.labels == label)
        if not len(members):
            continue
        medians[name] = float(np.median(shares[members]))
        if len(images) == MOST:
            continue
        middle = members[np.argsort(shares[members], kind="stable")[(len(members) - 1) // 2]]
        width, height = sizes[middle]
        size = max(round(HEIGHT * width / height), 1), HEIGHT
        whole = Image.fromarray(split.miniatures[np.array([middle])][0, :, :, 0])
        whole = whole.resize(size, Image.Resampling.BICUBIC)
        images.append((np.asarray(whole), seen_box(size, fit)))
    return Seen(medians, images)
