import numpy as np
import pytest
from hypothesis import given, settings
from sklearn import metrics as reference

from jaxcovid.statistics.metrics import measure
from jaxcovid.statistics.weighted_metrics import placements, weighted_metrics
from tests.statistics.predictions import CLASSES, sample, samples

THRESHOLDS = {name: {"90": 0.5, "95": 0.25} for name in CLASSES}
MACRO = {"recall": "macro_recall", "precision": "macro_precision", "f1": "macro_f1"}


@settings(max_examples=20, deadline=None)
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
        ("weighted_f1",): reference.f1_score(
            labels, predictions, average="weighted", zero_division=0, **kwargs
        ),
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


def test_areas_are_means_over_folds():
    labels, probabilities = sample(60, 3, 5)
    folds = np.arange(60) % 4
    values = weighted_metrics(labels, probabilities, CLASSES, {}, folds)(np.ones((1, 60)))
    for index, name in enumerate(CLASSES):
        for key, of in (
            ("auroc", reference.roc_auc_score),
            ("auprc", reference.average_precision_score),
        ):
            expected = [
                of(
                    labels[folds == fold] == index,
                    probabilities[folds == fold, index].astype(float),
                )
                for fold in range(4)
            ]
            assert values["per_class", name, key][0] == pytest.approx(np.mean(expected))
    pooled = weighted_metrics(labels, probabilities, CLASSES, {})(np.ones((1, 60)))
    assert values["accuracy",] == pooled["accuracy",] and values["brier",] == pooled["brier",]


def test_a_fold_without_a_class_does_not_count_in_its_area():
    labels = np.array([0, 1, 1, 0, 1, 1])
    probabilities = np.stack(
        [1 - np.array([0.1, 0.9, 0.8, 0.7, 0.6, 0.9]), [0.1, 0.9, 0.8, 0.7, 0.6, 0.9]], 1
    )
    folds = np.array([0, 0, 0, 1, 1, 2])
    values = weighted_metrics(labels, probabilities, CLASSES[:2], {}, folds)(np.ones((1, 6)))
    assert values["per_class", CLASSES[1], "auroc"][0] == pytest.approx((1 + 0) / 2)


def test_each_example_may_have_its_own_threshold():
    labels = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.6, 0.4], [0.3, 0.7], [0.4, 0.6], [0.2, 0.8]])
    limits = {CLASSES[1]: {"90": np.array([0.3, 0.9, 0.5, np.nan]), "95": np.full(4, np.nan)}}
    values = weighted_metrics(labels, probabilities, CLASSES[:2], limits)(np.ones((1, 4)))
    assert values["per_class", CLASSES[1], "sensitivity_at_90"][0] == 1  # of the one with a limit
    assert values["per_class", CLASSES[1], "specificity_at_90"][0] == 0.5
    assert np.isnan(values["per_class", CLASSES[1], "sensitivity_at_95"][0])
    measured = measure(labels, probabilities, CLASSES[:2], thresholds=limits)
    assert measured["per_class"][CLASSES[1]]["threshold_90"] is None
    assert measured["undefined"][f"per_class.{CLASSES[1]}.threshold_90"] == "each fold has its own"


def test_placements_rank_as_their_folds_do():
    labels, probabilities = sample(80, 3, 1)
    folds = np.arange(80) % 2
    placed = placements(labels, probabilities, folds)
    for fold in range(2):
        of = folds == fold
        for index in range(3):
            true = labels[of] == index
            assert reference.roc_auc_score(true, placed[of, index]) == pytest.approx(
                reference.roc_auc_score(true, probabilities[of, index])
            )
            assert placed[of, index][true].mean() == pytest.approx(
                reference.roc_auc_score(true, probabilities[of, index])
            )
