import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxcovid.operating_point import parsed
from jaxcovid.statistics.metrics import measure, operating_points
from tests.statistics.predictions import CLASSES, certain, sample, samples

EDGES = {
    "a class is absent": ([0, 0, 1], certain([0, 1, 1]), {
        "per_class.c.recall": "no example is of this class",
        "per_class.c.auroc": "it needs examples of this class and of others",
        "per_class.c.auprc": "it needs examples of this class and of others",
        "per_class.c.precision": "the class is never predicted",
        "per_class.c.f1": "the class neither occurs nor is predicted",
        "per_class.c.specificity": 1, "per_class.c.npv": 1, "per_class.c.support": 0,
        "macro_f1": pytest.approx(2 / 3), "macro_precision": 0.75, "balanced_accuracy": 0.75, "macro_recall": 0.75,
    }),
    "a class is never predicted": ([0, 1], certain([0, 0]), {
        "per_class.b.precision": "the class is never predicted",
        "per_class.b.f1": 0, "per_class.b.recall": 0,
        "macro_precision": "undefined for class b, which is never predicted",
        "intervals.macro_precision": "undefined for class b, which is never predicted",
        "per_class.a.npv": "all examples are predicted as this class",
        "mcc": "all examples are of one class or predicted as one",
        "intervals.mcc": "all examples are of one class or predicted as one",
    }),
    "one class only": ([0, 0, 0], certain([0, 0, 1]), {
        "per_class.a.specificity": "all examples are of this class",
        "per_class.a.auroc": "it needs examples of this class and of others",
        "per_class.a.auprc": "it needs examples of this class and of others",
        "auroc": "undefined for every class", "auprc": "undefined for every class",
        "mcc": "all examples are of one class or predicted as one", "accuracy": pytest.approx(2 / 3),
    }),
    "perfect": ([0, 1, 2] * 5, certain([0, 1, 2] * 5), {
        "accuracy": 1, "mcc": pytest.approx(1), "auroc": 1, "auprc": 1, "ece": 0, "brier": 0,
        "intervals.mcc": "every resample gives the same value",
        # Wilson's: n / (n + 3.84146) of 15, and of five = p; F1 is 2 p / (1 + p).
        "intervals.accuracy": [pytest.approx(0.79611, abs=1e-5), 1],
        "intervals.per_class.a.recall": [pytest.approx(0.56552, abs=1e-5), 1],
        "intervals.per_class.a.f1": [pytest.approx(0.72247, abs=1e-5), 1],
        "intervals.per_class.a.auroc": [pytest.approx(0.56552, abs=1e-5), 1],
        "intervals.per_class.a.auprc": [pytest.approx(0.56552, abs=1e-5), 1],
        # As of each class, as these areas are of the same images; specificity is of ten.
        "intervals.auroc": [pytest.approx(0.56552, abs=1e-5), 1],
        "intervals.macro_specificity": [pytest.approx(0.72247, abs=1e-5), 1],
        # Recalls are of other images each: 1 - (1 - p) / sqrt(3).
        "intervals.balanced_accuracy": [pytest.approx(0.74915, abs=1e-5), 1],
    }),
    "a rare class": ([0, 1] * 9 + [2] * 4, certain([0, 1] * 9 + [2] * 4), {
        "auroc": 1, "intervals.auroc": "fewer than 5 examples or patients are of class c",
        "intervals.mcc": "fewer than 5 examples or patients are of class c",
        "intervals.macro_f1": "fewer than 5 examples or patients are of class c",
        "intervals.per_class.c.auprc": "fewer than 5 examples or patients are of class c",
        "intervals.per_class.c.recall": [pytest.approx(4 / 7.84146, abs=1e-5), 1],
        "intervals.per_class.a.auroc": [pytest.approx(9 / 12.84146, abs=1e-5), 1],
    }),
    "few others": ([0] * 9 + [1] * 4, certain([0] * 9 + [1] * 4, 2), {
        "intervals.per_class.a.auroc": "fewer than 5 examples or patients are of other classes",
        "intervals.per_class.b.auroc": "fewer than 5 examples or patients are of class b",
    }),
    "always wrong": ([0, 1, 2] * 5, certain([1, 2, 0] * 5), {
        "accuracy": 0, "intervals.accuracy": [0, pytest.approx(0.20389, abs=1e-5)],
        "per_class.a.auroc": 0.25, "macro_f1": 0,
    }),
    "constant scores": ([0, 1, 2, 2], np.full((4, 3), 1 / 3, np.float32), {
        "auroc": 0.5, "per_class.c.auprc": 0.5, "accuracy": 0.25,
    }),
    "one example": ([1], certain([1]), {
        "accuracy": 1, "intervals.accuracy": "one example or one patient says nothing of others",
    }),
    "nothing": ([], np.zeros((0, 3), np.float32), {
        "examples": 0, "accuracy": "no examples", "ece": "no examples", "per_class.a.f1": "no examples",
        "intervals.brier": "no examples", "mcc": "no examples", "confusion_matrix": [[0] * 3] * 3,
    }),
    "two classes": ([0, 0, 1, 1], np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]], np.float32), {
        "accuracy": 0.75, "auroc": 1, "brier": pytest.approx((0.01 + 0.36 + 0.09 + 0.04) / 4),
        "confusion_matrix": [[1, 1], [0, 2]],
        "per_class.b.sensitivity_at_90": "no threshold was chosen on a validation split",
        "per_class.b.threshold_90": "no threshold was chosen on a validation split",
    }),
    "calibration": ([0, 0, 1, 1], np.array([[0.9, 0.1]] * 4, np.float32), {
        "ece": pytest.approx(0.4), "accuracy": 0.5,
    }),
}  # fmt: skip


@pytest.mark.parametrize("case", EDGES)
def test_edges(case):
    labels, probabilities, expected = EDGES[case]
    classes = CLASSES[: probabilities.shape[1]]
    got = measure(np.array(labels, int), probabilities, classes, resamples=200)
    for path, value in expected.items():
        branch = got
        for part in path.split("."):
            branch = branch[part]
        if isinstance(value, str):
            assert branch is None and got["undefined"][path] == value, path
        else:
            assert branch == value, path


@settings(max_examples=30, deadline=None)
@given(samples(least=0).flatmap(lambda drawn: st.tuples(st.just(drawn), st.integers(1, 30))))
def test_what_is_none_has_a_reason_and_all_is_ready_for_json(drawn):
    (labels, probabilities, _), patients = drawn
    classes = ("a.b", "é", "")[: probabilities.shape[1]]
    got = measure(
        labels, probabilities, classes, groups=np.arange(len(labels)) % patients,
        thresholds=operating_points(labels, probabilities, classes), resamples=40,
    )  # fmt: skip
    assert json.loads(json.dumps(got, allow_nan=False)) == got

    def missing(tree, path=""):
        if isinstance(tree, dict):
            for name, branch in tree.items():
                yield from missing(branch, f"{path}.{name}" if path else name)
        elif tree is None:
            yield path

    undefined = got.pop("undefined")
    assert set(missing(got)) == set(undefined)
    for key, value in got["intervals"].items():
        if key != "per_class" and value is not None:
            assert value[0] <= got[key] <= value[1]


def test_values_do_not_depend_on_order():
    labels, probabilities = sample(50)
    groups = np.arange(50) // 3
    order = np.random.default_rng(1).permutation(50)
    one = measure(labels, probabilities, CLASSES, groups=groups, resamples=100)
    other = measure(
        labels[order], probabilities[order], CLASSES, groups=groups[order], resamples=100
    )
    assert flat(one) == pytest.approx(flat(other))


def flat(tree):
    if isinstance(tree, dict | list):
        branches = tree.values() if isinstance(tree, dict) else tree
        return [leaf for branch in branches for leaf in flat(branch)]
    return [] if tree is None or isinstance(tree, str) else [tree]


def test_patients_of_one_image_each_change_nothing():
    labels, probabilities = sample(60)
    single = measure(labels, probabilities, CLASSES, resamples=100)
    patients = measure(labels, probabilities, CLASSES, groups=np.arange(60) + 7, resamples=100)
    assert (single.pop("patients"), patients.pop("patients")) == (None, 60)
    assert single == patients


def test_copies_of_an_image_tell_nothing_new():
    labels, probabilities = sample(60)
    alone = measure(labels, probabilities, CLASSES)
    again = (np.repeat(labels, 4), np.repeat(probabilities, 4, 0), CLASSES)
    grouped = measure(*again, groups=np.repeat(np.arange(60), 4))
    independent = measure(*again)
    for metric in ("accuracy", "macro_f1", "mcc", "auroc", "auprc", "brier"):
        width = {
            name: np.ptp(result["intervals"][metric])
            for name, result in {"1": alone, "4": grouped, "wrong": independent}.items()
        }
        # Shares of patients' images allow for there being few patients.
        assert width["4"] == pytest.approx(width["1"], rel=0.06 if metric == "accuracy" else 1e-6)
        assert width["wrong"] < 0.6 * width["4"]


def test_seed():
    labels, probabilities = sample(40)
    one, same, other = (
        measure(labels, probabilities, CLASSES, seed=seed, resamples=50) for seed in (1, 1, 2)
    )
    assert one == same
    assert one["intervals"] != other["intervals"]


POINTS = {  # negatives' scores, positives' scores, thresholds for 90 and 95 %
    "apart": ([0.1] * 10, [0.5, 0.9], 0.5, 0.5),
    "one of ten above": ([0.1] * 9 + [0.7], [0.5, 0.9], 0.5, 0.9),
    "one of ten equal": ([0.1] * 9 + [0.5], [0.5, 0.9], 0.5, 0.9),
    "lowest of several with that specificity": ([0.1, 0.2] * 10, [0.9, 0.9], 0.9, 0.9),
    "exactly 19 of 20": ([0.1] * 19 + [0.9], [0.5], 0.5, 0.5),
    "the highest score is of negatives": ([0.9] * 10, [0.5], None, None),
    "no positives": ([0.1, 0.2], [], None, None),
    "no negatives": ([], [0.1, 0.2], None, None),
    "nothing": ([], [], None, None),
}


ASKED = {  # negatives' scores, positives' scores, what is asked for, the threshold
    "sensitivity": ([0.1, 0.6], [0.2, 0.5, 0.7, 0.9], "b:sensitivity=0.75", 0.5),
    "all": ([0.1, 0.6], [0.2, 0.5, 0.7, 0.9], "b:sensitivity=0.99", 0.2),
    "the highest that reaches it": ([0.1, 0.6, 0.65], [0.5, 0.7], "b:sensitivity=0.5", 0.7),
    "specificity": ([0.1, 0.2, 0.3, 0.6], [0.5, 0.9], "b:specificity=0.75", 0.5),
    "no positives": ([0.1, 0.6], [], "b:sensitivity=0.5", None),
    "never so specific": ([0.9] * 4, [0.5], "b:specificity=0.5", None),
}


@pytest.mark.parametrize("negatives, positives, text, threshold", ASKED.values(), ids=ASKED)
def test_points_that_are_asked_for(negatives, positives, text, threshold):
    scores = np.array([*negatives, *positives], np.float32)
    labels = np.array([0] * len(negatives) + [1] * len(positives), int)
    probabilities = np.stack([1 - scores, scores], 1)
    point = parsed(text)
    points = operating_points(labels, probabilities, "ab", [point])
    assert point.key not in points["a"] and {*points["a"]} == {"90", "95"}
    assert points["b"][point.key] == (threshold and float(np.float32(threshold)))
    got = measure(labels, probabilities, "ab", thresholds=points, resamples=0)["per_class"]["b"]
    if threshold is None:
        assert got[f"sensitivity_at_{point.key}"] is None
    else:
        assert got[f"threshold_{point.key}"] == points["b"][point.key]
        assert got[f"{point.figure}_at_{point.key}"] >= point.least


@pytest.mark.parametrize("case", POINTS)
def test_operating_points(case):
    negatives, positives, at_90, at_95 = POINTS[case]
    scores = np.array([*negatives, *positives], np.float32)
    labels = np.array([0] * len(negatives) + [1] * len(positives), int)
    probabilities = np.stack([1 - scores, scores], 1)
    points = operating_points(labels, probabilities, "ab")
    expected = {"90": at_90, "95": at_95}
    assert points["b"] == {
        name: value and float(np.float32(value)) for name, value in expected.items()
    }
    got = measure(labels, probabilities, "ab", thresholds=points, resamples=0)
    for name, value in expected.items():
        if value is None:
            reason = "the validation split has no threshold that reaches it"
            assert got["undefined"][f"per_class.b.threshold_{name}"] == reason
        else:
            assert got["per_class"]["b"][f"specificity_at_{name}"] >= int(name) / 100
            assert got["per_class"]["b"][f"sensitivity_at_{name}"] == np.mean(
                np.float32(positives) >= np.float32(value)
            )


def test_thresholds_come_from_elsewhere():
    labels, probabilities = np.array([0, 0, 1, 1]), certain([0, 1, 1, 0], 2)
    got = measure(labels, probabilities, "ab", thresholds={"b": {"90": 0.5, "95": None}})
    assert got["per_class"]["b"]["threshold_90"] == 0.5
    assert got["per_class"]["b"]["sensitivity_at_90"] == 0.5
    assert got["per_class"]["b"]["specificity_at_90"] == 0.5
    assert got["per_class"]["b"]["sensitivity_at_95"] is None
