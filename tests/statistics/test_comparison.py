import json

import numpy as np
import pytest

from jaxcovid.statistics.comparison import compare
from jaxcovid.statistics.metrics import measure

CLASSES = ("a", "b", "c")


def certain(predictions):
    return np.eye(3, dtype=np.float32)[predictions]


def noisy(labels, strength, seed):
    logits = np.random.default_rng(seed).normal(size=(len(labels), 3))
    exponents = np.exp(logits + strength * np.eye(3)[labels])
    return (exponents / exponents.sum(1, keepdims=True)).astype(np.float32)


def test_identical_predictions():
    labels = np.arange(30) % 3
    probabilities = noisy(labels, 1, 0)
    got = compare(labels, probabilities, probabilities, CLASSES, resamples=50)
    assert got["mcnemar"] == {"only_first_correct": 0, "only_second_correct": 0, "p_value": None}
    assert got["undefined"]["mcnemar.p_value"] == "both are correct on the same images"
    for name, row in got["differences"].items():
        assert (row["difference"], row["interval"], row["p_value"]) == (0, None, None)
        assert f"differences.{name}.interval" in got["undefined"]


def test_by_hand():
    # Of 16 images the first has 12 right alone, the second 2 alone: 2 (1 + 14 + 91) / 2 ** 14.
    labels = np.zeros(16, int)
    one, other = certain([0] * 12 + [1] * 2 + [0, 1]), certain([1] * 12 + [0] * 2 + [0, 1])
    got = compare(labels, one, other, CLASSES)
    assert got["mcnemar"] == {
        "only_first_correct": 12,
        "only_second_correct": 2,
        "p_value": pytest.approx(2 * (1 + 14 + 91) / 2**14),
    }
    accuracy = got["differences"]["accuracy"]
    assert (accuracy["first"], accuracy["second"]) == (13 / 16, 3 / 16)
    assert accuracy["difference"] == pytest.approx(-10 / 16)
    assert accuracy["interval"][0] < -10 / 16 < accuracy["interval"][1] < 0
    assert accuracy["p_value"] < 0.01
    assert got["differences"]["recall of b"]["difference"] is None
    assert got["undefined"]["differences.recall of b.p_value"] == "no example is of this class"
    json.dumps(got, allow_nan=False)


def test_swapped_models_swap_signs():
    labels = np.arange(60) % 3
    one, other = noisy(labels, 1, 0), noisy(labels, 2, 1)
    there = compare(labels, one, other, CLASSES, resamples=100)["differences"]
    back = compare(labels, other, one, CLASSES, resamples=100)["differences"]
    assert there["accuracy"]["difference"] > 0 > there["brier"]["difference"]
    for name, row in there.items():
        assert row["difference"] == -back[name]["difference"]
        assert row["p_value"] == back[name]["p_value"]
        if row["interval"]:
            assert row["interval"] == [-end for end in reversed(back[name]["interval"])]


def test_values_are_those_measured():
    labels = np.arange(45) % 3
    one, other = noisy(labels, 1, 0), noisy(labels, 1, 1)
    groups = np.arange(45) // 2
    got = compare(labels, one, other, CLASSES, groups=groups, resamples=10)
    assert (got["examples"], got["patients"]) == (45, 23)
    for side, probabilities in (("first", one), ("second", other)):
        alone = measure(labels, probabilities, CLASSES, resamples=0)
        for name, row in got["differences"].items():
            metric, _, label = name.partition(" of ")
            expected = alone["per_class"][label] if label else alone
            assert row[side] == expected[metric]


def test_pairing_and_patients_count():
    labels = np.arange(60) % 3
    one = noisy(labels, 1, 0)
    other = one.copy()
    other[:12] = certain(labels[:12])
    alone = compare(labels, one, other, CLASSES)["differences"]["accuracy"]["interval"]
    single = measure(labels, one, CLASSES)["intervals"]["accuracy"]
    assert np.ptp(alone) < np.ptp(single)
    again = (np.repeat(labels, 4), np.repeat(one, 4, 0), np.repeat(other, 4, 0), CLASSES)
    grouped = compare(*again, groups=np.repeat(np.arange(60), 4))
    assert grouped["differences"]["accuracy"]["interval"] == pytest.approx(alone)
    assert np.ptp(compare(*again)["differences"]["accuracy"]["interval"]) < 0.6 * np.ptp(alone)


def test_nothing():
    none = np.zeros((0, 3), np.float32)
    got = compare(np.array([], int), none, none, CLASSES)
    assert got["undefined"]["differences.accuracy.difference"] == "no examples"


def test_p_is_seldom_small_where_nothing_differs():
    labels = np.arange(90) % 3
    differences = [
        compare(labels, noisy(labels, 2, 2 * seed), noisy(labels, 2, 2 * seed + 1), CLASSES,
                resamples=60)["differences"]
        for seed in range(60)
    ]  # fmt: skip
    for metric in ("accuracy", "auroc", "brier"):
        assert 0.005 <= np.mean([row[metric]["p_value"] < 0.05 for row in differences]) <= 0.11
