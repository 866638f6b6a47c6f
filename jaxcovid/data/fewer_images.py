"""Fewer training images than there are, for a quick look."""

import jax
import numpy as np

from jaxcovid.data.dataset import Dataset, subset
from jaxcovid.data.finding_codes import scarce_findings
from jaxcovid.data.loader import ORDER, purpose_key
from jaxcovid.errors import InputError, check


def limit_train(dataset: Dataset, limit: int | None, seed: int) -> Dataset:
    """The dataset with only so many training images, spread over the classes alike.

    They are chosen by the seed and keep their order; without a limit below their number all stay.
    Of images with several findings they are any. Raises InputError if the limit is below the number
    of classes, or leaves no image with a finding or without.
    """
    train, findings = dataset.splits["train"], dataset.findings
    if limit is None or limit >= len(train.labels):
        return dataset
    order = np.asarray(jax.random.permutation(purpose_key(seed, ORDER), len(train.labels)))
    if findings:
        fewer = subset(train, np.sort(order[:limit]))
        missing = scarce_findings("`limit_train`", dataset.classes, fewer.labels, findings)
        check(missing)
        return dataset._replace(splits={**dataset.splits, "train": fewer})
    if limit < len(dataset.classes):
        raise InputError(
            [f"`limit_train`: {limit} is too few for {len(dataset.classes)} classes; raise it"]
        )
    # The k-th image of each class in turn: rank within the class first, then the random order.
    rank = np.empty(len(order), np.int64)
    for label in range(len(dataset.classes)):
        members = order[train.labels[order] == label]
        rank[members] = np.arange(len(members))
    chosen = np.sort(order[np.argsort(rank[order], kind="stable")][:limit])
    return dataset._replace(splits={**dataset.splits, "train": subset(train, chosen)})
