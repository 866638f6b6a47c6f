"""Out-of-fold results, from made-up runs."""

import numpy as np
import pytest

from jaxcovid import models
from jaxcovid.results import OUT_OF_FOLD, Audit
from jaxcovid.runs import gather_folds as module
from jaxcovid.runs.gather_folds import FoldRun, gather_folds, out_of_fold
from jaxcovid.statistics.metrics import measure
from tests.report import example

CLASSES = ("a", "b", "c")
LEFT_OUT = [np.arange(60)[start::3] for start in range(3)]


@pytest.fixture
def pooled():
    return example.dataset({"train": 60, "test": 6}, CLASSES)


def runs(pooled, **of_first):
    said = example.predictions(out_of_fold(pooled))[OUT_OF_FOLD].probabilities
    thresholds = {name: {"90": 0.5, "95": None} for name in CLASSES}
    made = [
        FoldRun(said[places], thresholds, {"number": number}, {"number": number})
        for number, places in enumerate(LEFT_OUT)
    ]
    return [made[0]._replace(**of_first), *made[1:]], said


def test_a_test_split_stays_apart(pooled):
    dataset = out_of_fold(pooled)
    assert [*dataset.splits] == [OUT_OF_FOLD] == [*dataset.patients]
    assert dataset.splits[OUT_OF_FOLD] is pooled.splits["train"]


def test_each_image_has_the_answer_and_the_picture_of_its_fold(pooled, monkeypatch):
    audited = {}

    def audit(dataset, *, network, folds):
        audited.update(network=network, folds=folds)
        return Audit({})

    def explain(variables, pixels, answers):
        return np.full((len(pixels), 7, 7), variables["number"], np.float32)

    monkeypatch.setattr(module, "audit_data", audit)
    monkeypatch.setattr(module, "grad_cam_by_variables", lambda model: explain)
    monkeypatch.setattr(module, "seen_part", lambda *_: None)
    made, said = runs(pooled)
    results = gather_folds(
        "t", out_of_fold(pooled), LEFT_OUT, made, models.build("resnet18", 3), {"warnings": []}
    )
    measured = results.splits[OUT_OF_FOLD]
    assert (measured.probabilities == said).all() and (audited["network"] == said).all()
    assert results.folds.fold_of.tolist() == [1, 2, 3] * 20
    assert audited["folds"].tolist() == [0, 1, 2] * 20
    for one in results.examples:
        assert (one.heat == one.place % 3).all()
    expected = measure(
        pooled.splits["train"].labels, said, CLASSES,
        groups=pooled.patients["train"], folds=np.arange(60) % 3,
    )  # fmt: skip
    assert measured.metrics["auroc"] == expected["auroc"]
    assert measured.metrics["intervals"]["auroc"] == expected["intervals"]["auroc"]
    assert [metrics["number"] for metrics in results.folds.metrics] == [0, 1, 2]


def test_thresholds_are_those_of_the_fold(pooled, monkeypatch):
    monkeypatch.setattr(module, "audit_data", lambda *_, **__: Audit({}))
    monkeypatch.setattr(module, "grad_cam_by_variables", lambda _: lambda _, pixels, __: np.zeros((len(pixels), 7, 7)))  # fmt: skip
    monkeypatch.setattr(module, "seen_part", lambda *_: None)
    never = {name: {"90": 2.0, "95": None} for name in CLASSES}
    made, said = runs(pooled, thresholds=never)
    results = gather_folds(
        "t", out_of_fold(pooled), LEFT_OUT, made, models.build("resnet18", 3), {"warnings": []}
    )
    labels = pooled.splits["train"].labels
    values = results.splits[OUT_OF_FOLD].metrics["per_class"]["a"]
    called = (said[:, 0] >= 0.5) & (np.arange(60) % 3 > 0)
    assert values["sensitivity_at_90"] == pytest.approx(called[labels == 0].mean())
    assert values["sensitivity_at_95"] is None
