"""Small sets of drawn X-rays, in which something may be planted."""

import functools
import io

import numpy as np
from PIL import Image

from jaxcovid.data import images, phantom
from jaxcovid.data.dataset import Dataset, Header, assemble

CLASSES = ("clear", "ground_glass", "lobar")
PLAIN = Header(96, 96, "L", "PNG")


@functools.cache
def xray(number, label=0):
    """A drawn X-ray of a patient of that number."""
    return Image.fromarray(phantom.draw(label, number, 96))


def split(name, pictures, labels, headers=None, paths=None):
    """The split of these pictures; names of files say nothing of the class."""
    paths = paths or [f"{name}/{CLASSES[label]}/{place}.png" for place, label in enumerate(labels)]
    records = [
        images.prepare(picture, int(label), path, 320)
        for picture, label, path in zip(pictures, labels, paths, strict=True)
    ]
    return assemble(name, records)._replace(headers=tuple(headers or [PLAIN] * len(records)))


def dataset(splits, patients=None, columns=None, classes=CLASSES):
    """`patients` are names by split, None where unknown."""
    names = patients or {name: (None,) * len(of_split.paths) for name, of_split in splits.items()}
    groups = {
        name: None if patients is None else np.unique(np.array(people, str), return_inverse=True)[1]
        for name, people in names.items()
    }
    return Dataset(
        "made up", classes, splits, "fingerprint", patients=groups,
        patient_names={name: tuple(people) for name, people in names.items()},
        columns=columns or {},
    )  # fmt: skip


def noise(labels, seed=0, size=64):
    """Pictures of noise, as unlike as can be."""
    rng = np.random.default_rng(seed)
    return [Image.fromarray(rng.integers(40, 216, (size, size), np.uint8)) for _ in labels]


def recompressed(picture, quality=60):
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("L")
