"""Which images are looked at, which split the verdict is about, and what is measured."""

import numpy as np
import pytest

from jaxcovid.results import MISTAKE_SIZE, MOST_MISTAKES, ORDER
from jaxcovid.runs.gather import choose_examples, confident_mistakes, gather_results
from jaxcovid.statistics.metrics import operating_points
from tests.report import example

CLASSES = example.CLASSES
CHOICES = {
    # The probability of the first class falls from image to image, that of the second rises.
    "two of each": ([0] * 5, [(0, True), (1, True), (4, False), (3, False)]),
    "none twice": ([0] * 3, [(0, True), (1, True), (2, False)]),
    "few": ([0], [(0, True)]),
    "two classes": (
        [0, 1, 0, 1, 0, 1],
        [(0, True), (2, True), (4, False), (5, True), (3, True), (1, False)],
    ),
    "unlabelled images are of no class": ([-1, 1, -1], [(1, True)]),
    "none": ([], []),
}


@pytest.mark.parametrize("case", CHOICES)
def test_the_best_and_the_worst_of_each_class(case):
    labels, expected = CHOICES[case]
    first = np.linspace(0.9, 0.1, len(labels), dtype=np.float32)
    choices = choose_examples(np.array(labels, int), np.stack([first, 1 - first], 1))
    assert choices == expected


def test_of_equal_images_the_first_is_the_best():
    probabilities = np.full((6, 1), 0.5, np.float32)
    choices = choose_examples(np.zeros(6, int), probabilities)
    assert choices == [(0, True), (1, True), (5, False), (4, False)]


def gathered(sizes, **options):
    """Results of made-up predictions, and what was explained."""
    data = options.pop("data", None) or example.dataset(sizes)
    explained = []

    def explain(images, classes):
        explained.append((images, classes))
        return example.explain(images, classes)

    predictions = options.pop("predictions", None) or example.predictions(data)
    results = gather_results("title", data, predictions, explain, {"a": 1}, **options)
    return results, data, predictions, explained


def unlabelled(data, name):
    split = data.splits[name]
    labels = np.full(len(split.labels), -1, np.int32)
    return data._replace(splits={**data.splits, name: split._replace(labels=labels)})


SIZES = {"train": 6, "validation": 6, "test": 6}
MAIN = {
    "test": (SIZES, (), "test"),
    "validation": ({"train": 6, "validation": 6}, (), "validation"),
    "train": ({"train": 6}, (), "train"),
    "unlabelled test": (SIZES, ("test",), "validation"),
    "empty test": ({"validation": 6, "test": 0}, (), "validation"),
}


@pytest.mark.parametrize("case", MAIN)
def test_the_verdict_is_about_the_split_that_played_the_least_part(case):
    sizes, without_labels, expected = MAIN[case]
    data = example.dataset(sizes)
    predictions = example.predictions(data)
    for name in without_labels:
        data = unlabelled(data, name)
    results, *_ = gathered(sizes, data=data, predictions=predictions)
    assert results.main == expected
    measured = {name for name, split in results.splits.items() if split.metrics is not None}
    assert measured == {name for name, size in sizes.items() if size} - set(without_labels)


def test_examples_are_explained_for_the_class_that_is_predicted():
    results, data, predictions, ((images, classes),) = gathered({"test": 30})
    places = [image.place for image in results.examples]
    assert len(places) == len(set(places)) == 12
    np.testing.assert_array_equal(images, data.splits["test"].evaluation[places])
    predicted = predictions["test"].probabilities[places].argmax(1)
    np.testing.assert_array_equal(classes, predicted)
    for image, heat in zip(results.examples, example.explain(images, predicted), strict=True):
        np.testing.assert_array_equal(image.heat, heat)


def test_thresholds_come_from_the_validation_images_here():
    results, data, predictions, _ = gathered({"validation": 30, "test": 30})
    expected = operating_points(
        data.splits["validation"].labels, predictions["validation"].probabilities, CLASSES
    )
    assert results.thresholds == expected
    first = results.splits["test"].metrics["per_class"][CLASSES[0]]
    assert first["threshold_90"] == expected[CLASSES[0]]["90"]


def test_thresholds_that_are_given_take_their_place():
    thresholds = {name: {"90": 0.25, "95": 0.5} for name in CLASSES}
    results, *_ = gathered({"validation": 30}, thresholds=thresholds)
    assert results.thresholds == thresholds
    first = results.splits["validation"].metrics["per_class"][CLASSES[0]]
    assert (first["threshold_90"], first["threshold_95"]) == (0.25, 0.5)


def test_the_loss_and_the_patients_are_in_the_metrics():
    results, _, predictions, _ = gathered({"test": 12})
    metrics = results.splits["test"].metrics
    assert metrics["loss"] == predictions["test"].loss
    assert (metrics["examples"], metrics["patients"]) == (12, 6)
    assert results.title == "title" and results.settings == {"a": 1}


def test_further_metrics_and_what_they_say():
    calls = []

    def further(labels, predicted, measured):
        calls.append((labels, predicted, measured["accuracy"]))
        return {"luck": 0.5}, ("it was luck",)

    results, data, predictions, _ = gathered({"test": 12}, further_metrics=further)
    ((labels, predicted, accuracy),) = calls
    np.testing.assert_array_equal(labels, data.splits["test"].labels)
    np.testing.assert_array_equal(predicted, predictions["test"].probabilities.argmax(1))
    metrics = results.splits["test"].metrics
    assert metrics["luck"] == 0.5 and metrics["accuracy"] == accuracy
    assert results.splits["test"].cautions == ("it was luck",)


CODES = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1]], np.float32)


@pytest.mark.parametrize("codes", [None, CODES], ids=["one class each", "codes"])
def test_findings_are_measured_where_classes_imply_others(codes):
    data = example.dataset({"test": 12})
    predictions = {
        name: split._replace(findings=split.probabilities @ CODES)
        for name, split in example.predictions(data).items()
    }
    results, *_ = gathered({}, data=data, predictions=predictions, codes=codes)
    findings = results.splits["test"].metrics.get("findings")
    assert (findings is None) == (codes is None)
    if findings is not None:
        support = [values["support"] for values in findings["per_finding"].values()]
        assert support == [4, 4, 8]


def test_the_most_confidently_wrong_come_first():
    probabilities = np.array([[0.6, 0.4], [0.9, 0.1], [0.1, 0.9], [0.4, 0.6]], np.float32)
    places = confident_mistakes(np.array([1, 1, 1, 0]), probabilities)
    assert places.tolist() == [1, 0, 3]


@pytest.mark.parametrize("most", [MOST_MISTAKES, 3])
def test_small_pictures_of_mistakes(most, monkeypatch):
    monkeypatch.setattr("jaxcovid.runs.gather.MOST_MISTAKES", most)
    results, data, _, _ = gathered({"train": 30, "validation": 12, "test": 6})
    left = most
    for name in ORDER:
        split = results.splits[name]
        wrong = confident_mistakes(split.labels, split.probabilities)[:left]
        left -= len(wrong)
        assert list(split.mistakes) == wrong.tolist()
        for place, picture in split.mistakes.items():
            assert picture.shape == (MISTAKE_SIZE, MISTAKE_SIZE, 1)
            mean = data.splits[name].evaluation[place].mean()
            assert abs(picture.mean() - mean) < 1
    assert left == 0 or most == MOST_MISTAKES


def test_splits_know_their_patients():
    data = example.dataset({"test": 6})
    results, *_ = gathered(None, data=data)
    assert results.splits["test"].patients.tolist() == [0, 0, 1, 1, 2, 2]
    results, *_ = gathered(None, data=example.dataset({"test": 6}, patients=False))
    assert results.splits["test"].patients is None
