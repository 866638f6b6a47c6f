"""What a test set needs, by what a network says of measured images."""

import numpy as np

from jaxcovid.audits.sample_size import sample_size
from jaxcovid.statistics.sample_size import patients_needed


def test_every_class_has_its_area_its_share_and_what_it_takes():
    generator = np.random.default_rng(0)
    labels = np.array([0] * 20 + [1] * 60)
    score = generator.normal(size=80) + labels
    first = 1 / (1 + np.exp(score))
    probabilities = np.stack([first, 1 - first, np.zeros(80)], 1).astype(np.float32)
    groups = np.arange(80) // 2
    check = sample_size(labels, probabilities, ("a", "b", "never"), groups)
    assert check["passed"] is True and check["patients"] == 40
    assert list(check["test"]) == ["a", "b"]
    row = check["test"]["a"]
    assert (row["share"], row["patients"]) == (0.25, 10)
    assert row["auroc"]["low"] < row["auroc"]["value"] < row["auroc"]["high"]
    assert row["needed"] == {
        "0.10": patients_needed(row["auroc"]["value"], 0.25, 0.10),
        "0.05": patients_needed(row["auroc"]["value"], 0.25, 0.05),
    }


def test_one_class_needs_nothing():
    probabilities = np.full((4, 2), 0.5, np.float32)
    check = sample_size(np.zeros(4, int), probabilities, ("a", "b"), None)
    assert check == {"passed": None, "reason": "all images are of one class", "found": []}
