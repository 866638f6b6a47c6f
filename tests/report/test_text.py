"""What the terminal and the head of a page say, word for word."""

import functools
from pathlib import Path

import numpy as np
import pytest

from jaxcovid.config import Config
from jaxcovid.report import text
from jaxcovid.results import Epoch, FreezeAudit, Measured, Results, Training
from jaxcovid.statistics.metrics import measure
from tests.report import example

CLASSES = ("covid", "normal", "pneumonia")
LABELS = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2, 2])


@functools.cache
def results(*predicted):
    """Of a network that is sure of the classes that it predicts."""
    probabilities = np.full((len(predicted), 3), 0.1, np.float32)
    probabilities[np.arange(len(predicted)), predicted] = 0.8
    labels = LABELS[: len(predicted)]
    metrics = measure(labels, probabilities, CLASSES)
    paths = [str(place) for place in range(len(predicted))]
    split = Measured(paths, labels, probabilities, metrics)
    return Results("a network", CLASSES, {"test": split}, "test", {}, (), {})


VERDICTS = {
    "all right": ((0, 0, 0, 1, 1, 1, 1, 2, 2, 2), ["Of 10 test images it classifies 100.0 % right", "always saying “normal” would get 40.0 %."]),
    "one class missed": ((0, 0, 0, 1, 1, 1, 1, 1, 1, 1), ["classifies 70.0 % right", "; not one of the 3 images of “pneumonia” is recognised."]),
    "two missed": ((1,) * 10, ["classifies 40.0 % right", "of “covid” is recognised; not one of the 3 images of “pneumonia” is recognised."]),
    "all missed": ((1, 1, 1, 0, 0, 0, 0, 0, 0, 0), ["classifies 0.0 % right", "; of 3 of the 3 classes not one image is recognised."]),
}  # fmt: skip


@pytest.mark.parametrize("case", VERDICTS)
def test_the_verdict(case):
    predicted, expected = VERDICTS[case]
    verdict = text.run_verdict(results(*predicted))
    assert all(part in verdict for part in expected), verdict
    assert "(95 % interval" in verdict


def test_the_verdict_without_an_interval_or_without_labels():
    made_up = results(*LABELS)
    split = made_up.splits["test"]
    intervals = {**split.metrics["intervals"], "accuracy": None}
    without = split._replace(metrics={**split.metrics, "intervals": intervals})
    assert "interval" not in text.run_verdict(made_up._replace(splits={"test": without}))
    unlabelled = made_up._replace(splits={"test": split._replace(metrics=None)})
    assert text.run_verdict(unlabelled).startswith("There are no labelled images")


def compared(difference, interval=None, p_value=0.25, patients=None):
    figure = {
        "first": 0.5,
        "second": 0.5 + difference,
        "difference": difference,
        "interval": interval,
    }
    undefined = dict.fromkeys(figure)
    return {
        "examples": 10, "patients": patients, "differences": {"accuracy": figure, "macro_f1": undefined},
        "mcnemar": {"only_first_correct": 1, "only_second_correct": 3, "p_value": p_value},
    }  # fmt: skip


COMPARISONS = {
    "equal": (compared(0.0), "Of 10 test images, B classifies as many right as A."),
    "better": (
        compared(0.25, (0.1, 0.4)),
        "Of 10 test images, B classifies 25.0 percentage points more right than A (95 % interval +10.0 to +40.0): a clear difference.",
    ),
    "worse": (
        compared(-0.25, (-0.4, -0.1)),
        "Of 10 test images, B classifies 25.0 percentage points fewer right than A (95 % interval -40.0 to -10.0): a clear difference.",
    ),
    "not clear": (
        compared(0.125, (-0.1, 0.4)),
        "Of 10 test images, B classifies 12.5 percentage points more right than A (95 % interval -10.0 to +40.0): no clear difference.",
    ),
    "no interval": (
        compared(0.125),
        "Of 10 test images, B classifies 12.5 percentage points more right than A; how sure that is cannot be said.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", COMPARISONS)
def test_the_verdict_of_a_comparison(case):
    figures, expected = COMPARISONS[case]
    first, second = (results(*LABELS)._replace(title=title) for title in "AB")
    assert text.comparison_verdict(first, second, figures) == expected
    lines = text.comparison_summary(first, second, figures).splitlines()
    assert lines[1] == expected
    assert lines[2] == text.mcnemar(figures)
    assert [line.split()[0] for line in lines[4:]] == ["first", "accuracy"]  # none undefined


COUNTS = "Only the first is right on 1 images, only the second on 3"
MCNEMAR = {
    "images alone": (compared(0.25), f"{COUNTS} (McNemar's exact test: p = 0.25)."),
    "with patients": (
        compared(0.25, patients=5),
        f"{COUNTS} (McNemar's exact test: p = 0.25; it takes images for independent, the intervals do not).",
    ),
    "no difference": (compared(0.25, p_value=None), f"{COUNTS}: McNemar's test has nothing to go by."),
}  # fmt: skip


@pytest.mark.parametrize("case", MCNEMAR)
def test_mcnemar(case):
    figures, expected = MCNEMAR[case]
    assert text.mcnemar(figures) == expected


def test_an_announcement():
    data = example.dataset({"train": 6, "test": 2}, ("covid", "normal"))
    unlabelled = data.splits["test"]._replace(labels=np.array([0, -1], np.int32))
    data = data._replace(
        name="xrays", splits={**data.splits, "test": unlabelled}, skipped=(),
        ignored=("a.txt", "b.txt", "c.txt", "d.txt"),
    )  # fmt: skip
    announcement = text.announcement(Config(), data, "ImageNet", example.training().plan)
    assert announcement.splitlines() == [
        f"{Config().model} on xrays, starting from ImageNet. Not for clinical use.",
        "",
        "split  covid  normal  unlabelled",
        "train      3       3           0",
        "test       1       0           1",
        "4 file(s) ignored: a.txt, b.txt, c.txt, ...",
        "",
        "block  training   parameters  trainable  batch norm",
        "conv1  frozen          9,408",
        "bn1    frozen            128             running statistics, kept",
        "fc_0   trainable     164,160    164,160",
        "164,160 of 173,696 parameters train (94.5%)",
    ]


def test_columns_of_nothing_are_left_out():
    data = example.dataset({"train": 6}, ("covid", "normal"))
    assert "unlabelled" not in text.announcement(Config(), data, "", example.training().plan)


def test_the_line_of_an_epoch():
    row = Epoch(2, 8, 1e-3, 0.51234, 0.75, 0.61234, 0.5, 3.04, 20.06)
    assert text.epoch_line(row, 5) == (
        "epoch 2/5: train loss 0.5123 accuracy 0.750, validation loss 0.6123 accuracy 0.500, "
        "3.0 s, 20.1 images/s"
    )


def test_a_summary_has_verdict_scores_and_the_audit():
    made_up = results(*LABELS)
    unlabelled = made_up.splits["test"]._replace(metrics=None)
    made_up = made_up._replace(splits={**made_up.splits, "more": unlabelled})
    lines = text.run_summary(made_up).splitlines()
    assert lines[1] == text.run_verdict(made_up)
    assert lines[3].split() == [
        "split", "images", "accuracy", "(95", "%", "interval)", "macro-F1", "AUROC"
    ]  # fmt: skip
    assert lines[4].split()[:3] == ["test", "10", "1.000"] and len(lines) == 5
    training = Training([], FreezeAudit(True, 100, 4, 3, ()), [], example.training().views)
    audited = text.run_summary(made_up._replace(training=training))
    assert audited.endswith("100 frozen arrays unchanged, 3 of 4 trainable arrays changed")


def test_scores_that_are_undefined_are_called_so():
    assert "undefined" in text.run_summary(results(0, 0, 0))  # one class has no ROC


def test_where_the_results_are():
    note = text.results_note(Path("runs/one"))
    assert note == "\nResults in runs/one; look at runs/one/report.html\nNot for clinical use."
