"""Out-of-fold results, from made-up networks."""

import numpy as np
import pytest

from jaxcovid import models
from jaxcovid.inference.inference_model import InferenceModel
from jaxcovid.results import OUT_OF_FOLD, Audit
from jaxcovid.runs import gather_folds as module
from jaxcovid.runs.answers import Answers
from jaxcovid.runs.gather_folds import FoldNetworks, gather_folds, out_of_fold
from jaxcovid.statistics.metrics import measure
from tests.report import example

CLASSES = ("a", "b", "c")
LEFT_OUT = [np.arange(60)[start::3] for start in range(3)]
MODEL = models.build("resnet18", 3)


@pytest.fixture
def pooled():
    return example.dataset({"train": 60, "test": 6}, CLASSES)


@pytest.fixture(autouse=True)
def audited(monkeypatch):
    """What the audit was given; nothing is audited or explained at length."""
    given = {}

    def audit(dataset, *, network, folds):
        given.update(network=network, folds=folds)
        return Audit({})

    def explain(of_networks, pixels, answers):
        return np.full(
            (len(pixels), 7, 7), np.mean([one["number"] for one in of_networks]), np.float32
        )

    monkeypatch.setattr(module, "audit_data", audit)
    monkeypatch.setattr(module, "grad_cam_of_several", lambda model: explain)
    monkeypatch.setattr(module, "seen_part", lambda *_: None)
    return given


def network(fold, seed):
    metrics = {"measured_epoch": {"epoch": 10 * seed + fold, "of": 99}}
    variables = {"number": fold + 10.0 * seed}
    return InferenceModel(
        "run", "resnet18", MODEL, variables, CLASSES, None, (), {}, {}, metrics
    )  # fmt: skip


def folds_of(pooled, seeds=1, **of_first):
    said = [
        example.predictions(out_of_fold(pooled), seed=seed)[OUT_OF_FOLD].probabilities
        for seed in range(seeds)
    ]
    thresholds = {name: {"90": 0.5, "95": None} for name in CLASSES}
    made = [
        FoldNetworks(
            places,
            [Answers(of_seed[places]) for of_seed in said],
            thresholds,
            [network(fold, seed) for seed in range(seeds)],
        )
        for fold, places in enumerate(LEFT_OUT)
    ]
    return [made[0]._replace(**of_first), *made[1:]], said


def test_a_test_split_stays_apart(pooled):
    dataset = out_of_fold(pooled)
    assert [*dataset.splits] == [OUT_OF_FOLD] == [*dataset.patients]
    assert dataset.splits[OUT_OF_FOLD] is pooled.splits["train"]


def measured(pooled, said, places=slice(None), **options):
    labels, groups = pooled.splits["train"].labels, pooled.patients["train"]
    return measure(labels[places], said[places], CLASSES, groups=groups[places], **options)


def test_each_image_has_the_answer_and_the_picture_of_its_fold(pooled, audited):
    made, (said,) = folds_of(pooled)
    results = gather_folds("t", pooled, made, 7, {"warnings": []})
    of_all = results.splits[OUT_OF_FOLD]
    assert (of_all.probabilities == said).all() and (audited["network"] == said).all()
    assert results.fold_of.tolist() == [1, 2, 3] * 20
    assert audited["folds"].tolist() == [0, 1, 2] * 20
    for one in results.examples:
        assert (one.heat == one.place % 3).all()
    expected = measured(pooled, said, folds=np.arange(60) % 3)
    assert of_all.metrics["auroc"] == expected["auroc"]
    assert of_all.metrics["intervals"]["auroc"] == expected["intervals"]["auroc"]
    assert results.folds.numbers == range(1, 4) and results.folds.epochs == [[0], [1], [2]]
    for of_fold, places in zip(results.folds.metrics, LEFT_OUT, strict=True):
        assert of_fold["auroc"] == measured(pooled, said, places)["auroc"]
    assert results.seeds is None


def test_seeds_of_a_fold_answer_together_and_are_measured_alone(pooled, audited):
    made, said = folds_of(pooled, seeds=2)
    results = gather_folds("t", pooled, made, 7, {"warnings": []})
    mean = np.mean(said, 0)
    np.testing.assert_allclose(results.splits[OUT_OF_FOLD].probabilities, mean, rtol=1e-6)
    for one in results.examples:
        assert (one.heat == one.place % 3 + 5).all()
    assert results.seeds.numbers == range(7, 9)
    assert results.seeds.epochs == [[0, 1, 2], [10, 11, 12]]
    for of_seed, alone in zip(results.seeds.metrics, said, strict=True):
        assert of_seed["auroc"] == measured(pooled, alone, folds=np.arange(60) % 3)["auroc"]
    assert results.folds.epochs == [[0, 10], [1, 11], [2, 12]]
    of_second = measured(pooled, mean, LEFT_OUT[1])["auroc"]
    assert results.folds.metrics[1]["auroc"] == pytest.approx(of_second)


def test_thresholds_are_those_of_the_fold(pooled):
    never = {name: {"90": 2.0, "95": None} for name in CLASSES}
    made, (said,) = folds_of(pooled, thresholds=never)
    results = gather_folds("t", pooled, made, 7, {"warnings": []})
    labels = pooled.splits["train"].labels
    values = results.splits[OUT_OF_FOLD].metrics["per_class"]["a"]
    called = (said[:, 0] >= 0.5) & (np.arange(60) % 3 > 0)
    assert values["sensitivity_at_90"] == pytest.approx(called[labels == 0].mean())
    assert values["sensitivity_at_95"] is None


def test_points_that_are_asked_for_are_measured_at_the_thresholds_of_the_folds(pooled):
    asked = {name: {"sensitivity=0.9": 0.5} for name in CLASSES[:1]}
    made, (said,) = folds_of(pooled)
    made = [
        fold._replace(thresholds={**fold.thresholds, "a": {**fold.thresholds["a"], **asked["a"]}})
        for fold in made
    ]
    settings = {"warnings": [], "operating_point": ["a:sensitivity=0.9"]}
    results = gather_folds("t", pooled, made, 7, settings)
    values = results.splits[OUT_OF_FOLD].metrics["per_class"]["a"]
    labels = pooled.splits["train"].labels
    assert values["sensitivity_at_sensitivity=0.9"] == pytest.approx((said[labels == 0, 0] >= 0.5).mean())  # fmt: skip
    assert values["threshold_sensitivity=0.9"] is None
    assert results.thresholds["a"]["sensitivity=0.9"] is not None
