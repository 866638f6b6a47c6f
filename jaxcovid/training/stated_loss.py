"""The loss that a run trained with, as text that its weights carry, and back again."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int

from jaxcovid import config as configuration
from jaxcovid import config_problems
from jaxcovid.config import Config
from jaxcovid.errors import InputError
from jaxcovid.training.label_codes import class_codes
from jaxcovid.training.losses import Codes, Loss, weighted, weights_by_count
from jaxcovid.training.recipe import loss_function

SETTINGS = ("loss", "focal_gamma", "focal_alpha", "multilabel", "class_weights")
COUNTS = "train_images"  # of each class, from which class weights come


def stated_loss(config: Config, train_labels: Int[np.ndarray, "n"], classes: int) -> dict[str, Any]:
    """What `loss_of` needs of a run, as JSON values; `classes` is the number of classes."""
    settings = configuration.as_json(config)
    counts = np.bincount(train_labels, minlength=classes).tolist()
    return {**{name: settings[name] for name in SETTINGS}, COUNTS: counts}


def loss_of_record(record: Mapping[str, Any], classes: Sequence[str]) -> dict[str, Any] | None:
    """The same from what config.json holds; None if that does not say all of it."""
    images = record
    for name in ("dataset", "images", "train"):
        images = images.get(name) if isinstance(images, Mapping) else None
    if not isinstance(images, Mapping):
        return None
    if not {*SETTINGS} <= set(record) or not {*classes} <= set(images):
        return None
    return {**{name: record[name] for name in SETTINGS}, COUNTS: [images[name] for name in classes]}


def loss_of(stated: Mapping[str, Any], classes: Sequence[str], codes: Codes | None = None) -> Loss:
    """The loss that a run of these classes stated, `codes` being those of findings.

    Raises ValueError if it is no such statement.
    """
    try:
        settings = configuration.from_json(Config, {name: stated[name] for name in SETTINGS})
        wrong = config_problems.problems(settings)
        if wrong:
            raise ValueError("; ".join(wrong))
        plain = configuration.from_json(Config, {**stated, "class_weights": "none"})
        labels = np.zeros(0, np.int64)
        if codes is None:
            codes = class_codes(classes, settings.multilabel)
        loss = loss_function(plain, codes, labels, None)
        if settings.class_weights == "none":
            return loss
        counts = np.array(stated[COUNTS], np.float64)
    except (InputError, KeyError, TypeError) as error:
        raise ValueError(f"it states no loss ({error})") from None
    if counts.shape != (len(classes),) or not (np.isfinite(counts) & (counts > 0)).all():
        raise ValueError("it states no number of training images for each class")
    return weighted(loss, weights_by_count(counts))
