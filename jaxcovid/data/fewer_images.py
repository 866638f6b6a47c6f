"""Fewer training images than there are, for a quick look."""

import jax
import numpy as np
from jaxtyping import Int

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
    if findings:
        fewer = subset(train, np.sort(_in_random_order(train.labels, seed)[:limit]))
        missing = scarce_findings("`limit_train`", dataset.classes, fewer.labels, findings)
        check(missing)
        return dataset._replace(splits={**dataset.splits, "train": fewer})
    chosen = fewer_places(train.labels, len(dataset.classes), limit, seed)
    return dataset._replace(splits={**dataset.splits, "train": subset(train, chosen)})


def fewer_places(
    labels: Int[np.ndarray, "n"], classes: int, limit: int | None, seed: int
) -> Int[np.ndarray, "_"]:
    """The places of so many images, as `limit_train` chooses them where each is of one class."""
    if limit is None or limit >= len(labels):
        return np.arange(len(labels))
    if limit < classes:
        raise InputError([f"`limit_train`: {limit} is too few for {classes} classes; raise it"])
    order = _in_random_order(labels, seed)
    # The k-th image of each class in turn: rank within the class first, then the random order.
    rank = np.empty(len(order), np.int64)
    for label in range(classes):
        members = order[labels[order] == label]
        rank[members] = np.arange(len(members))
    return np.sort(order[np.argsort(rank[order], kind="stable")][:limit])


def _in_random_order(labels: Int[np.ndarray, "n"], seed: int) -> Int[np.ndarray, "n"]:
    return np.asarray(jax.random.permutation(purpose_key(seed, ORDER), len(labels)))
