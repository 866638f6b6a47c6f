"""What the terminal and the head of a page say, word for word."""

import functools
import re
from pathlib import Path

import numpy as np

from jaxcovid.config import Config
from jaxcovid.report import text, verdicts
from jaxcovid.results import Epoch, FreezeAudit, Measured, Results
from jaxcovid.statistics.metrics import measure
from tests.report import audits, example

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


COMPARED = {
    "examples": 10,
    "patients": None,
    "differences": {
        "accuracy": {"first": 0.5, "second": 0.75, "difference": 0.25, "interval": (0.1, 0.4), "p_value": 1e-6},
        "mcc": {"first": 0.5, "second": 0.75, "difference": 0.25, "interval": None, "p_value": None},
        "macro_f1": dict.fromkeys(("first", "second", "difference", "interval", "p_value")),
    },
    "mcnemar": {"only_first_correct": 1, "only_second_correct": 3, "p_value": 0.25},
}  # fmt: skip


def test_a_comparison_has_verdict_mcnemars_test_and_differences():
    first, second = (results(*LABELS)._replace(title=title) for title in "AB")
    lines = text.comparison_summary(first, second, COMPARED).splitlines()
    assert lines[1] == verdicts.comparison_verdict(first, second, COMPARED)
    assert lines[2] == verdicts.mcnemar(COMPARED)
    assert lines[4:] == [
        "          first  second  difference  95 % interval     p of it alone",
        "accuracy  0.500   0.750  +0.250      +0.100 to +0.400  < 0.001",
        "mcc       0.500   0.750  +0.250",
    ]


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
    heads = (
        "split",
        "images",
        "accuracy (95 % interval)",
        "balanced accuracy",
        "macro F1",
        "macro AUROC",
    )
    assert re.split(r"  +", lines[3]) == [*heads]
    assert lines[4].split()[:3] == ["test", "10", "1.000"] and len(lines) == 5
    training = example.training()._replace(audit=FreezeAudit(True, 100, 4, 3, ()))
    audited = text.run_summary(made_up._replace(training=training, settings=example.SETTINGS))
    assert audited.endswith(
        "100 frozen arrays unchanged, 3 of 4 trainable arrays changed\n"
        "Measured and saved after epoch 2 of 3, that of lowest validation loss"
    )
    stopped = example.SETTINGS | {"epochs": 9, "patience": 1}
    audited = text.run_summary(made_up._replace(training=training, settings=stopped))
    assert "Training stopped after epoch 3 of at most 9, as 1 epoch brought" in audited


def test_scores_that_are_undefined_are_called_so():
    assert "undefined" in text.run_summary(results(0, 0, 0))  # one class has no ROC


def test_a_summary_says_what_is_reached_without_lungs_and_which_checks_failed():
    audited = results(*LABELS)._replace(audit=audits.audit())
    lines = text.run_summary(audited).splitlines()
    assert lines[5].startswith("Truth floor, macro AUROC by file header")
    assert lines[6].startswith("Truth floor, without a figure: brightness alone")
    assert [line.split(":")[0] for line in lines[7:]] == ["Failed"] * 5
    assert lines[7] == (
        "Failed: images that look alike: 1 pair across patients: a/1.png and a/2.png (copy, "
        "correlation 0.985)"
    )


def test_the_summary_of_an_audit():
    lines = text.audit_summary(audits.audit(audits.PASSED)).splitlines()
    assert lines[1] == verdicts.audit_verdict(audits.PASSED)
    assert [re.split(r"  +", line) for line in lines[3:9]] == [
        ["check", "outcome", "what"],
        ["images that look alike", "passed"],
        ["patients in two splits", "passed"],
        ["splits along file names", "passed"],
        ["sources of one class", "not run", "no column source, and names tell none"],
        ["what is reached without lungs", "passed"],
    ]
    assert [re.split(r"  +", line)[1:] for line in lines[10:]] == [
        ["macro AUROC (95 % interval)", "balanced accuracy", "why not"],
        ["0.750 (0.690 to 0.800)", "0.600 (0.500 to 0.700)"],
        ["0.874 (0.830 to 0.910)", "0.600 (0.500 to 0.700)"],
        ["0.930 (0.900 to 0.950)", "0.600 (0.500 to 0.700)"],
        ["not run: jaxcovid audit --data D RUN"],
        ["not run: jaxcovid audit --data D RUN"],
        ["0.490 (0.400 to 0.580)", "0.600 (0.500 to 0.700)"],
    ]


def test_the_summary_of_an_audit_without_floors():
    lines = text.audit_summary(audits.audit({"blocks": audits.check()})).splitlines()
    assert lines[3:] == ["check                    outcome", "splits along file names  passed"]


def test_where_the_results_are():
    note = text.results_note(Path("runs/one"))
    assert note == "\nResults in runs/one; look at runs/one/report.html\nNot for clinical use."
