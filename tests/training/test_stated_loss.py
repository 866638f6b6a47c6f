"""The loss of a run from what its weights or its record say."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid.config import Config
from jaxcovid.training.label_codes import class_codes
from jaxcovid.training.recipe import loss_function
from jaxcovid.training.stated_loss import loss_of, loss_of_record, stated_loss

CLASSES = ("a", "b", "c")
LABELS = np.array([0, 0, 0, 1, 2, 2], np.int32)
RUNS = {
    "cross-entropy": Config(),
    "weighted": Config(class_weights="balanced"),
    "bce": Config(loss="bce"),
    "focal": Config(loss="focal", focal_gamma=1.5, focal_alpha=(0.25,)),
    "focal by class": Config(loss="focal", focal_alpha=(0.2, 0.3, 0.9), class_weights="balanced"),
    "codes": Config(loss="bce", multilabel=("a=a+b",), class_weights="balanced"),
}


@pytest.mark.parametrize("case", RUNS)
def test_it_is_the_same_loss(case):
    config = RUNS[case]
    logits = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    batch = jnp.asarray(logits), jnp.asarray(LABELS), jnp.ones(6, jnp.float32)
    codes = class_codes(CLASSES, config.multilabel)
    expected = loss_function(config, codes, LABELS, None)(*batch)
    stated = json.loads(json.dumps(stated_loss(config, LABELS, len(CLASSES))))
    images = {"a": 3, "b": 1, "c": 2, "unlabelled": 5}
    from_record = loss_of_record({**stated, "dataset": {"images": {"train": images}}}, CLASSES)
    assert from_record == stated
    for values, wanted in zip(loss_of(stated, CLASSES)(*batch), expected, strict=True):
        np.testing.assert_array_equal(values, wanted)


WRONG = {
    "nothing": {"loss": None},
    "another loss": {"loss": "hinge"},
    "no number": {"focal_gamma": "2"},
    "a number below 0": {"focal_gamma": -1.0},
    "two factors": {"loss": "focal", "focal_alpha": [1.0, 2.0]},
    "unknown classes": {"loss": "bce", "multilabel": ["x=a+b"]},
    "fewer counts": {"class_weights": "balanced", "train_images": [1, 2]},
    "no images": {"class_weights": "balanced", "train_images": [0, 1, 2]},
    "no counts": {"class_weights": "balanced", "train_images": {"a": 1}},
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_loss_is_refused(case):
    with pytest.raises(ValueError, match=r"."):
        loss_of({**stated_loss(Config(), LABELS, 3), **WRONG[case]}, CLASSES)
    with pytest.raises(ValueError, match="states no loss"):
        loss_of({}, CLASSES)


@pytest.mark.parametrize(
    "record", [{}, {"dataset": 3}, {"dataset": {"images": {"train": []}}}], ids=str
)
def test_records_that_do_not_say_it(record):
    assert loss_of_record(record, CLASSES) is None
    assert loss_of_record({**stated_loss(Config(), LABELS, 3), **record}, CLASSES) is None
