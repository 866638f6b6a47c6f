"""When features of the frozen part are computed, and when they serve again."""

import math

import numpy as np
import pytest

from jaxcovid.training import frozen_part
from jaxcovid.training.frozen_features import Storage
from jaxcovid.training.frozen_prefix import Prefix
from jaxcovid.training.parts import Evaluation, Parts
from tests.training.small import FEATURES, config, dataset, task


def made_by(*runs):
    """What is computed for runs after one another that ask for the features of both splits."""
    kept, made = {}, []
    for settings, data in runs:
        frozen = task(settings, data, made, kept=kept).frozen
        for name in ("train", "validation", "train"):
            frozen.features(name, bool)
    return made


FIRST = [("train", 2), ("validation", 0)]

OTHERS = {  # what a second run has computed after a first one with two views
    "seed, rate, dropout": ({"seed": 1, "lr": 1.0, "dropout": 0.5}, []),
    "another head": ({"head": (7,)}, []),
    "views": ({"views": 1}, [("train", 1)]),
    "no views": ({"views": 0}, [("train", 0)]),
    "no augmentation": ({"augment": False}, [("train", 0)]),
    "precision": ({"precision": "bfloat16"}, FIRST),
    "half precision": ({"feature_precision": "float16"}, FIRST),
    "another budget": ({"memory_budget": 15e-6}, []),
    "an older run with little memory": (
        {"feature_precision": "by_memory", "memory_budget": 15e-6},
        FIRST,
    ),
    "an older run with enough": ({"feature_precision": "by_memory"}, []),
}


@pytest.mark.parametrize("case", OTHERS)
def test_features_are_made_anew_if_anything_that_they_depend_on_differs(case):
    options, expected = OTHERS[case]
    assert made_by((config(), None), (config(**options), None)) == FIRST + expected


def test_features_of_other_images_are_made_anew():
    other = dataset()._replace(fingerprint="another")
    assert made_by((config(), None), (config(), other)) == FIRST * 2


def test_features_outlive_in_their_run_what_others_push_out():
    made = []
    frozen = task(config(memory_budget=1e-9), made=made, kept={}).frozen
    for name in ("train", "validation", "train"):
        frozen.features(name, bool)
    assert made == FIRST


UNASKED = {  # whether features are used where no setting asks for them
    "they are small": ({}, Parts(), True),
    "the memory is short": ({"memory_budget": 1e-9}, Parts(), True),
    "it was in an older run": (
        {"memory_budget": 1e-9, "feature_precision": "by_memory"},
        Parts(),
        False,
    ),
    "half precision": ({"feature_precision": "float16"}, Parts(), True),
    "another evaluation": ({}, Parts(evaluation=Evaluation(lambda *_: None, None)), False),
    "nothing is frozen": ({"trainable": "all"}, Parts(), False),
}


@pytest.mark.parametrize("case", UNASKED)
def test_what_no_setting_asks_for_is_used_where_it_is_small_and_the_same(case):
    options, parts, used = UNASKED[case]
    assert (task(config(views=0, **options), parts=parts).frozen is not None) == used


def test_what_no_setting_asks_for_is_no_larger_than_that(monkeypatch):
    floats = math.prod(FEATURES) * (12 + 7)
    monkeypatch.setattr(frozen_part, "UNASKED_BYTES", 4 * floats)
    assert task(config(views=0)).frozen is not None
    monkeypatch.setattr(frozen_part, "UNASKED_BYTES", 4 * floats - 1)
    assert task(config(views=0)).frozen is None


FLOATS = math.prod(FEATURES) * (12 + 7 + 2 * 12)  # of all images, and of two views
FULL, HALF = 4 * FLOATS, 2 * FLOATS

STORAGE = {  # setting, views, budget in bytes: how features are kept
    "default": ("float32", 2, FULL, Storage(np.float32)),
    "too little for it": ("float32", 2, FULL - 1, Storage(np.float32, on_disk=True)),
    "nothing": ("float32", 2, 0, Storage(np.float32, on_disk=True)),
    "half": ("float16", 2, HALF, Storage(np.float16)),
    "too little for half": ("float16", 2, HALF - 1, Storage(np.float16, on_disk=True)),
    "older, enough": ("by_memory", 2, FULL, Storage(np.float32)),
    "older, enough for half": ("by_memory", 2, FULL - 1, Storage(np.float16)),
    "older, too little for half": ("by_memory", 2, HALF - 1, Storage(np.float16, on_disk=True)),
    "not asked for": ("float32", 0, 0, Storage(np.float32, on_disk=True)),
    "older, not asked for": ("by_memory", 0, 0, None),
}


@pytest.mark.parametrize("case", STORAGE)
def test_the_setting_says_the_precision_and_the_budget_where_features_lie(case):
    precision, views, budget, expected = STORAGE[case]
    settings = config(feature_precision=precision, views=views, memory_budget=budget / 1e9)
    prefix = Prefix("head", lambda *_: None, FEATURES, {}, together=32)
    assert frozen_part._storage(settings, Parts(), dataset(), prefix) == expected
