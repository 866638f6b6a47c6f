"""What a reader should know first: what changes what may be believed, before all else."""

import numpy as np
import pytest

from jaxcovid.data.dataset import Split
from jaxcovid.data.patients import assign_patients
from jaxcovid.report.cautions import Cautions, run_cautions, together
from jaxcovid.results import Audit
from jaxcovid.statistics.metrics import measure
from tests.report import audits, example
from tests.report.test_verdicts import with_metrics

CLASSES = tuple("abcdefghijkl")


def results(counts, predicted=None, **options):
    """Of so many images of each class, all classified right or as `predicted`."""
    labels = np.repeat(np.arange(len(counts)), counts)
    answers = labels if predicted is None else np.full(len(labels), predicted)
    classes = CLASSES[: len(counts)]
    probabilities = np.eye(len(counts), dtype=np.float32)[answers]
    given = example.results(example.dataset({"test": 6}), with_training=False)
    metrics = measure(labels, probabilities, classes, groups=np.arange(len(labels)), resamples=50)
    split = given.splits["test"]._replace(
        labels=labels, probabilities=probabilities, metrics=metrics
    )
    settings = options.pop("settings", {})
    return given._replace(classes=classes, splits={"test": split}, settings=settings, **options)


SURE = results((40, 40))
INTERNAL = {"internal": {"split": "validation", "auroc": audits.figure(0.919, 0.88, 0.95)}}


def here(low, high):
    return with_metrics(SURE, {"auroc": (low, high)}, auroc=(low + high) / 2)


WEIGHTY = {
    "nothing": (SURE, []),
    "small classes": (
        results((*[3] * 9, 40, 40)),
        ["test: 9 classes hold fewer than 30 images, so what is said of them is uncertain: a 3, b 3, c 3, d 3, e 3, f 3, g 3, h 3, ..."],
    ),
    "a small class": (results((29, 30)), ["test: 1 class holds fewer than 30 images, so what is said of it is uncertain: a 29"]),
    "never recognised": (results((40, 40, 40), 1), ["test: not one image is recognised of 2 classes: a, c"]),
    "random weights": (
        SURE._replace(settings={"weights_source": "random weights"}),
        ["training started from random weights, not from ImageNet's"],
    ),
    "said before": (
        SURE._replace(settings={"weights_source": "random weights", "warnings": ["it is random"]}), ["it is random"],
    ),
    "failed check": (
        SURE._replace(audit=Audit({"patients": audits.FAILED["patients"]})),
        ["patients in two splits: 1 patient has 5 images in more than one split, such as p1 (train, validation)"],
    ),
    "far below": (
        here(0.496, 0.634)._replace(settings=INTERNAL),
        ["far below what the network reached on its own validation images: macro AUROC 0.565 (0.496 to 0.634) against 0.919 (0.880 to 0.950)"],
    ),
    "far below in both": (
        with_metrics(here(0.496, 0.634), {"balanced_accuracy": (0.1, 0.3)}, balanced_accuracy=0.2)._replace(
            settings={"internal": {**INTERNAL["internal"], "balanced_accuracy": audits.figure(0.8, 0.7, 0.9)}}
        ),
        ["far below what the network reached on its own validation images: macro AUROC 0.565 (0.496 to 0.634) against 0.919 (0.880 to 0.950); balanced accuracy 0.200 (0.100 to 0.300) against 0.800 (0.700 to 0.900)"],
    ),
    "not far below": (here(0.7, 0.881)._replace(settings=INTERNAL), []),
}  # fmt: skip


@pytest.mark.parametrize("case", WEIGHTY)
def test_what_weighs(case):
    given, expected = WEIGHTY[case]
    assert run_cautions(given).weighty == expected


def test_five_failed_checks_are_five_sentences():
    cautions = run_cautions(SURE._replace(audit=audits.audit()))
    assert len(cautions.weighty) == 5 and cautions.others == []


def test_what_weighs_less():
    settings = {"dataset": {"skipped": ["train/x.png: cut short", "train/y.png: empty"]}}
    given = with_metrics(SURE, patients=None)._replace(
        settings=settings, audit=Audit({"sources": audits.PASSED["sources"]})
    )
    assert run_cautions(given) == Cautions(
        [],
        [
            "2 unreadable images left out, such as train/x.png: cut short",
            "test: it is not known which images are of one patient, so each counts as a patient; "
            "if some are, the intervals are too narrow (`patients`)",
            "not checked: sources of one class (no column source, and names tell none)",
        ],
    )


def test_the_validation_images_of_a_run_weigh_and_small_classes_of_other_splits_do_not():
    cautions = run_cautions(example.results(example.dataset({"train": 9, "validation": 9})))
    assert any(
        sentence.startswith("the verdict is about the validation") for sentence in cautions.weighty
    )
    given = example.results(example.dataset({"train": 9, "validation": 9, "test": 9}))
    few = "3 classes hold fewer than 30 images"
    kinds = [[text for text in kind if few in text] for kind in run_cautions(given)]
    assert [[text.split(":")[0] for text in kind] for kind in kinds] == [["test"], ["validation"]]


def test_patients_in_two_splits_are_said_once():
    empty = np.zeros((1, 0, 0, 1), np.uint8)
    split = Split(
        empty,
        np.zeros((1, 2), np.int32),
        empty,
        np.zeros(1, np.int32),
        ("a/00000001_000.png",),
        np.zeros((1, 64, 64, 1), np.uint8),
    )
    shared = assign_patients({"train": split, "validation": split}, ("a",), None).warnings
    assert len(shared) == 1
    given = SURE._replace(settings={"warnings": list(shared)})
    assert run_cautions(given).weighty == list(shared)
    given = given._replace(audit=Audit({"patients": audits.FAILED["patients"]}))
    assert [text.split(":")[0] for text in run_cautions(given).weighty] == [
        "patients in two splits"
    ]


def test_images_in_two_splits_are_said_once():
    twice = SURE._replace(settings={"warnings": ["2 image(s) occur in two splits, such as a = b"]})
    assert run_cautions(twice).weighty == [*twice.settings["warnings"]]
    failed = twice._replace(audit=Audit({"duplicates": audits.FAILED["duplicates"]}))
    assert [text.split(":")[0] for text in run_cautions(failed).weighty] == [
        "images that look alike"
    ]


def test_of_two_networks_the_weighty_come_first_and_none_twice():
    pair = Cautions(["a"], ["b", "c"]), Cautions(["a", "d"], ["c"])
    assert together(*pair) == ["a", "d", "b", "c"]


def test_an_epoch_chosen_of_several_is_told_of_the_images_that_chose_it():
    given = example.results()
    last = given._replace(settings=example.SETTINGS | {"select": "last"})
    said = "validation: these images chose the epoch, which flatters their figures"
    assert said in run_cautions(given).others
    assert said not in run_cautions(last).others
    alone = example.results(example.dataset({"train": 6, "validation": 6}))
    assert any("to choose the epoch and to choose" in text for text in run_cautions(alone).weighty)
