"""When features of the frozen part are computed, and when they serve again."""

import math

import numpy as np
import pytest

from jaxcovid.training import frozen_part
from jaxcovid.training.parts import Parts
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
    "half precision": ({"memory_budget": 15e-6}, FIRST),
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
    "the memory is short": ({"memory_budget": 1e-9}, Parts(), False),
    "another order": ({}, Parts(order=lambda settings, count: np.arange(count)), False),
    "another forward pass": ({}, Parts(forward=lambda model, settings: None), False),
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
