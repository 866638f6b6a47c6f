"""Patients by digests: which images are of one, but not of whom."""

import hashlib

import numpy as np

from jaxcovid.data.dataset import Dataset


def patient_digests(dataset: Dataset, split: str) -> tuple[str, ...]:
    """A digest of each image's patient, empty where unknown; none if no patient is known at all.

    The key comes from images, so that only those who have these can look for a name.
    """
    names = dataset.patient_names.get(split, ())
    if not any(names):
        return ()
    key = hashlib.blake2b()
    for of_split in dataset.splits.values():
        key.update(of_split.miniatures[np.arange(min(len(of_split.labels), 1))].tobytes())
    return tuple(
        hashlib.blake2b(name.encode(), key=key.digest(), digest_size=8).hexdigest() if name else ""
        for name in names
    )
