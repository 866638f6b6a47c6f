import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference

from jaxcovid.metrics import measure, operating_points, weighted_metrics

CLASSES = ("a", "b", "c")
THRESHOLDS = {name: {"90": 0.5, "95": 0.25} for name in CLASSES}
MACRO = {"recall": "macro_recall", "precision": "macro_precision", "f1": "macro_f1"}


@st.composite
def samples(draw, least=1):
    """Labels, probabilities (of few values, so that many are equal) and weights."""
    n = draw(st.integers(least, 25))
    classes = draw(st.integers(2, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    counts = rng.integers(1, draw(st.sampled_from([3, 1000])), (n, classes))
    weights = rng.integers(0, 3, n)
    weights[:1] += not weights.any()
    return (
        rng.integers(0, classes, n),
        (counts / counts.sum(1, keepdims=True)).astype(np.float32),
        weights.astype(np.float64),
    )


@settings(max_examples=40, deadline=None)
@given(samples())
def test_equals_scikit_learn(sample):
    labels, probabilities, weights = sample
    classes = CLASSES[: probabilities.shape[1]]
    rows = np.stack([np.ones(len(labels)), weights])
    got = weighted_metrics(labels, probabilities, classes, THRESHOLDS)(rows)
    for row, row_weights in enumerate(rows):
        values = {key: value[row] for key, value in got.items()}
        expected = by_scikit_learn(labels, probabilities.astype(float), classes, row_weights)
        assert values.keys() == expected.keys()
        for key, value in expected.items():
            assert values[key] == pytest.approx(value, nan_ok=True, abs=1e-12), key


def by_scikit_learn(labels, probabilities, classes, weights):
    # Examples of weight 0 are left out: some functions count their classes.
    kept = weights > 0
    labels, probabilities, weights = labels[kept], probabilities[kept], weights[kept]
    predictions, kinds = probabilities.argmax(1), range(len(classes))
    kwargs = {"sample_weight": weights}
    per_class = {}
    for kind, name in zip(kinds, classes, strict=True):
        true, called, scores = labels == kind, predictions == kind, probabilities[:, kind]

        def ratio(true, called, of=reference.recall_score):
            return of(true, called, zero_division=np.nan, **kwargs)

        per_class[name] = {
            "recall": ratio(true, called),
            "precision": ratio(true, called, reference.precision_score),
            "f1": ratio(true, called, reference.f1_score),
            "specificity": ratio(~true, ~called),
            "npv": ratio(~true, ~called, reference.precision_score),
            "auroc": reference.roc_auc_score(true, scores, **kwargs)
            if 0 < true.mean() < 1
            else np.nan,
            "auprc": reference.average_precision_score(true, scores, **kwargs)
            if 0 < true.mean() < 1
            else np.nan,
        }
        for point, threshold in THRESHOLDS[name].items():
            per_class[name][f"sensitivity_at_{point}"] = ratio(true, scores >= threshold)
            per_class[name][f"specificity_at_{point}"] = ratio(~true, scores < threshold)

    def macro(metric):
        return np.nanmean([per_class[name][metric] for name in classes] or [np.nan])

    missed = set(labels) - set(predictions)
    matrix = reference.confusion_matrix(labels, predictions, labels=kinds, **kwargs)
    one_kind = max(matrix.sum(0).max(), matrix.sum(1).max()) == matrix.sum()
    confidence = probabilities.max(1)
    gaps = 0
    for low in range(15):
        inside = np.minimum(confidence * 15 // 1, 14) == low
        gaps += abs(np.sum((weights * (labels == predictions) - weights * confidence)[inside]))
    return {
        ("accuracy",): reference.accuracy_score(labels, predictions, **kwargs),
        # As balanced_accuracy_score, which warns of classes that are predicted and do not occur.
        ("balanced_accuracy",): macro("recall"),
        **{(name,): macro(metric) for metric, name in MACRO.items()},
        **({("macro_precision",): np.nan} if missed else {}),
        ("macro_specificity",): macro("specificity"),
        ("mcc",): np.nan if one_kind else reference.matthews_corrcoef(labels, predictions, **kwargs),
        ("auroc",): macro("auroc") if len(set(labels)) > 1 else np.nan,
        ("auprc",): macro("auprc") if len(set(labels)) > 1 else np.nan,
        ("ece",): gaps / weights.sum(),
        # As brier_score_loss, which insists on sums of exactly 1.
        ("brier",): np.average(((probabilities - np.eye(len(classes))[labels]) ** 2).sum(1), weights=weights)
        / (2 if len(classes) == 2 else 1),
        **{("per_class", name, metric): value for name in classes for metric, value in per_class[name].items()},
    }  # fmt: skip


@pytest.mark.parametrize("classes", [2, 3])
def test_brier_score_and_macro_averages_are_those_of_scikit_learn(classes):
    labels, probabilities = sample(60, classes)
    got = measure(labels, probabilities, CLASSES[:classes], resamples=0)
    expected = reference.brier_score_loss(
        labels, probabilities.astype(float) / probabilities.astype(float).sum(1, keepdims=True)
    )
    assert got["brier"] == pytest.approx(expected, abs=1e-6)
    scores = probabilities.astype(float)
    assert got["balanced_accuracy"] == pytest.approx(
        reference.balanced_accuracy_score(labels, scores.argmax(1))
    )
    onehot = np.eye(classes)[labels]
    assert got["auprc"] == pytest.approx(reference.average_precision_score(onehot, scores))
    assert got["auroc"] == pytest.approx(reference.roc_auc_score(onehot, scores))


def sample(n, classes=3, seed=0, strength=2.0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    logits = rng.normal(size=(n, classes)) + strength * np.eye(classes)[labels]
    return labels, softmax(logits)


def softmax(logits):
    exponents = np.exp(logits)
    return (exponents / exponents.sum(1, keepdims=True)).astype(np.float32)


def certain(predictions, classes=3):
    return np.eye(classes, dtype=np.float32)[predictions]


# What is undefined, by example: labels, probabilities, a part of the result, its reason (or value).
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
        # Clopper-Pearson: 0.025 ** (1 / 15), and of five 0.025 ** (1 / 5) = p; F1 is 2 p / (1 + p).
        "intervals.accuracy": [pytest.approx(0.78198, abs=1e-5), 1],
        "intervals.per_class.a.recall": [pytest.approx(0.47818, abs=1e-5), 1],
        "intervals.per_class.a.f1": [pytest.approx(0.64699, abs=1e-5), 1],
        "intervals.per_class.a.auroc": [pytest.approx(0.47818, abs=1e-5), 1],
        "intervals.per_class.a.auprc": [pytest.approx(0.47818, abs=1e-5), 1],
        # As of each class, specificity being of ten: 0.025 ** (1 / 10).
        "intervals.auroc": [pytest.approx(0.47818, abs=1e-5), 1],
        "intervals.balanced_accuracy": [pytest.approx(0.47818, abs=1e-5), 1],
        "intervals.macro_specificity": [pytest.approx(0.69150, abs=1e-5), 1],
    }),
    "a rare class": ([0, 1] * 9 + [2] * 4, certain([0, 1] * 9 + [2] * 4), {
        "auroc": 1, "intervals.auroc": "fewer than 5 examples or patients are of class c",
        "intervals.mcc": "fewer than 5 examples or patients are of class c",
        "intervals.macro_f1": "fewer than 5 examples or patients are of class c",
        "intervals.per_class.c.auprc": "fewer than 5 examples or patients are of class c",
        "intervals.per_class.c.recall": [pytest.approx(0.39764, abs=1e-5), 1],
        # 0.025 ** (1 / 9)
        "intervals.per_class.a.auroc": [pytest.approx(0.66373, abs=1e-5), 1],
    }),
    "few others": ([0] * 9 + [1] * 4, certain([0] * 9 + [1] * 4, 2), {
        "intervals.per_class.a.auroc": "fewer than 5 examples or patients are of other classes",
        "intervals.per_class.b.auroc": "fewer than 5 examples or patients are of class b",
    }),
    "always wrong": ([0, 1, 2] * 5, certain([1, 2, 0] * 5), {
        "accuracy": 0, "intervals.accuracy": [0, pytest.approx(0.21802, abs=1e-5)],
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
        found = got
        for part in path.split("."):
            found = found[part]
        if isinstance(value, str):
            assert found is None and got["undefined"][path] == value, path
        else:
            assert found == value, path


@settings(max_examples=30, deadline=None)
@given(samples(least=0).flatmap(lambda each: st.tuples(st.just(each), st.integers(1, 30))))
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
            name: np.ptp(each["intervals"][metric])
            for name, each in {"1": alone, "4": grouped, "wrong": independent}.items()
        }
        assert width["4"] == pytest.approx(width["1"])
        assert width["wrong"] < 0.6 * width["4"]


def test_seed():
    labels, probabilities = sample(40)
    one, same, other = (
        measure(labels, probabilities, CLASSES, seed=seed, resamples=50) for seed in (1, 1, 2)
    )
    assert one == same
    assert one["intervals"] != other["intervals"]


def covered(draw, truth, sets):
    """In how many of so many samples of a known population the intervals hold its values."""
    rng = np.random.default_rng(3)
    hits = dict.fromkeys(truth, 0)
    for seed in range(sets):
        labels, scores, groups = draw(rng)
        probabilities = softmax(np.stack([0 * scores, scores], 1))
        got = measure(labels, probabilities, "ab", groups=groups, seed=seed, resamples=60)
        for metric, value in truth.items():
            low, high = got["intervals"][metric] or (np.nan, np.nan)
            hits[metric] += low <= value <= high
    return {metric: count / sets for metric, count in hits.items()}


@pytest.mark.parametrize("images", ["one each", "of patients", "of patients, as if independent"])
def test_intervals_cover(images):
    """Images alone, or 1 to 4 of a patient that are alike."""
    # Scores are 1.6 apart and of standard deviation 1.
    truth = {"accuracy": stats.norm.cdf(0.8), "auroc": stats.norm.cdf(1.6 / np.sqrt(2))}

    def draw(rng):
        counts = np.ones(90, int) if images == "one each" else rng.integers(1, 5, 40)
        groups = np.repeat(np.arange(len(counts)), counts)
        labels = rng.integers(0, 2, len(counts))[groups]
        of_patient = rng.normal(size=len(counts))[groups]
        noise = 0.9 * of_patient + np.sqrt(1 - 0.9**2) * rng.normal(size=len(groups))
        known = None if "independent" in images else groups
        return labels, 1.6 * (labels - 0.5) + noise, known

    shares = covered(draw, truth, 100)
    # The mean of 100 draws at 0.95 has a standard deviation of 0.02.
    if "independent" in images:
        assert shares["accuracy"] < 0.90
    else:
        assert all(0.90 <= share <= 0.99 for share in shares.values())


def test_intervals_cover_with_a_rare_class():
    """5 of 160; with all degrees of freedom and nothing for a recall of 1 it was 0.47 and 0.8."""
    truth = {"balanced_accuracy": stats.norm.cdf(1), "auroc": stats.norm.cdf(2 / np.sqrt(2))}
    labels = np.arange(160) // 155

    def draw(rng):
        return labels, 2 * (labels - 0.5) + rng.normal(size=160), None

    assert min(covered(draw, truth, 60).values()) >= 0.95


def test_a_class_that_is_always_missed_widens_the_mean():
    labels = np.repeat([0, 1, 2], [60, 60, 17])
    predictions = np.where(labels == 2, 0, labels)
    predictions[:5], predictions[60:65] = 1, 0
    got = measure(labels, certain(predictions), CLASSES)
    # The recall of 0 of 17 may be as high as 0.19506, a third of which counts for the mean.
    assert got["intervals"]["per_class"]["c"]["recall"] == [0, pytest.approx(0.19506, abs=1e-5)]
    low, high = got["intervals"]["balanced_accuracy"]
    assert high - got["balanced_accuracy"] > 0.19506 / 3 > got["balanced_accuracy"] - low


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
            reason = "the validation split has no threshold of that specificity"
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
