"""Cross-validation as a whole, with a small network: folds together, and one by one."""

import contextlib
import csv
import dataclasses
import json
import shutil

import numpy as np
import pytest

from jaxcovid.config import stored
from jaxcovid.errors import InputError, Interrupted
from jaxcovid.inference import inference_model
from jaxcovid.inference.predict import predict
from jaxcovid.runs.evaluate import evaluate
from jaxcovid.runs.run import fine_tune
from jaxcovid.sweeps.folds import cross_validate
from tests import small_runs
from tests.small_runs import interruption, noise_folder, numbers

pytestmark = pytest.mark.system

TOGETHER = {"trainable": "head", "views": 2, "folds": 3, "schedule": "cosine", "warmup_epochs": 1.0, "class_weights": "balanced"}  # fmt: skip
APART = {"trainable": "all", "folds": 2, "lr": 1e-4}
KINDS = {"together": TOGETHER, "one by one": APART}


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return noise_folder(tmp_path_factory.mktemp("folds") / "data", 10, 3)


@pytest.fixture(scope="module")
def done(data, tmp_path_factory):
    """A cross-validation of each kind."""
    folder = tmp_path_factory.mktemp("done")
    with small_runs.blank_charts():
        return {
            kind: cross_validate(small_runs.config(data, folder / kind, **settings))
            for kind, settings in KINDS.items()
        }


@pytest.mark.parametrize("kind", KINDS)
def test_a_fold_equals_the_run_alone(kind, done, data, tmp_path):
    fold = done[kind] / "fold-2"
    settings = dataclasses.replace(stored(fold), output=tmp_path / "alone", resume=None)
    with small_runs.blank_charts():
        alone = fine_tune(settings)
    np.testing.assert_allclose(numbers(fold), numbers(alone), rtol=1e-5, atol=1e-6)
    pairs = zip(rows(fold / "predictions.csv"), rows(alone / "predictions.csv"), strict=True)
    for one, other in pairs:
        assert (one["split"], one["path"]) == (other["split"], other["path"])
        assert float(one["prob_covid"]) == pytest.approx(float(other["prob_covid"]), abs=1e-5)
    assert (fold / "split.csv").read_bytes() == (alone / "split.csv").read_bytes()
    of_fold, of_alone = (inference_model.load(run) for run in (fold, alone))
    assert of_fold.thresholds.keys() == of_alone.thresholds.keys()
    assert json.loads((fold / "metrics.json").read_text())["freeze_audit"]["frozen_unchanged"]


@pytest.mark.parametrize("kind", KINDS)
def test_all_images_are_measured_by_who_did_not_train_on_them(kind, done):
    count = KINDS[kind]["folds"]
    answers = rows(done[kind] / "predictions.csv")
    assert len(answers) == len({row["path"] for row in answers}) == 26
    left_out = {row["file"]: row["fold"] for row in rows(done[kind] / "folds.csv")}
    for row in answers:
        assert row["split"] == "out_of_fold" and row["fold"] == left_out[row["path"]]
    for number in range(1, count + 1):
        of_fold = {
            row["path"]: row["prob_covid"]
            for row in rows(done[kind] / f"fold-{number}" / "predictions.csv")
            if row["split"] == "test"
        }
        assert of_fold == {r["path"]: r["prob_covid"] for r in answers if r["fold"] == str(number)}
    record = json.loads((done[kind] / "metrics.json").read_text())
    assert record["out_of_fold"]["examples"] == 26
    aurocs = record["between_folds"]["auroc"]["of_each"]
    assert record["out_of_fold"]["auroc"] == pytest.approx(np.mean(aurocs))
    assert record["between_folds"]["auroc"]["standard_deviation"] == pytest.approx(
        np.std(aurocs, ddof=1)
    )
    page = (done[kind] / "report.html").read_text()
    assert f"Between the {count} folds macro AUROC" in page and "out_of_fold" not in page
    assert not (done[kind] / "checkpoints").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_the_networks_answer_together(kind, done, data):
    paths = sorted((data / "validation").glob("*/*.png"))
    together = inference_model.load(done[kind])
    answers = [answer.probabilities for answer in predict(together, paths, explain=True)]
    folds = [
        inference_model.load(done[kind] / f"fold-{number}")
        for number in range(1, KINDS[kind]["folds"] + 1)
    ]
    each = [[answer.probabilities for answer in predict(one, paths)] for one in folds]
    np.testing.assert_allclose(answers, np.mean(each, 0), atol=1e-5)
    assert together.model.first == ("head" if kind == "together" else "stem")
    with small_runs.blank_charts():
        results = evaluate(together, data, "validation")
    np.testing.assert_allclose(results.splits["validation"].probabilities, answers, atol=1e-4)
    heat = next(iter(predict(together, paths[:1], explain=True))).heat
    of_each = [next(iter(predict(one, paths[:1], explain=True))) for one in folds]
    if len({answer.probabilities.argmax() for answer in of_each} | {answers[0].argmax()}) == 1:
        np.testing.assert_allclose(heat, np.mean([one.heat for one in of_each], 0), atol=1e-4)


@pytest.mark.parametrize("call", [2, 5])
def test_what_was_interrupted_goes_on_exactly(call, done, data, tmp_path):
    config = small_runs.config(data, tmp_path / "run", **TOGETHER)
    with small_runs.blank_charts():
        with pytest.raises(Interrupted):
            cross_validate(config, deferred=interruption(call))
        cross_validate(stored(tmp_path / "run"))
    for name in ("predictions.csv", "folds.csv", "fold-1/predictions.csv", "fold-3/weights.pth"):
        assert (tmp_path / "run" / name).read_bytes() == (done["together"] / name).read_bytes()
    with pytest.raises(InputError, match="is finished"):
        cross_validate(stored(tmp_path / "run"))


def test_folds_that_do_not_fit_together_train_in_parts(done, data, tmp_path, monkeypatch):
    monkeypatch.setattr("jaxcovid.sweeps.folds_together.member_memory", lambda *_: 6e8)
    config = small_runs.config(data, tmp_path / "run", **TOGETHER, memory_budget=1.3)
    with small_runs.blank_charts():
        cross_validate(config)
    for number in (1, 2, 3):
        np.testing.assert_allclose(
            numbers(tmp_path / "run" / f"fold-{number}"), numbers(done["together"] / f"fold-{number}"), rtol=1e-5
        )  # fmt: skip


def test_damaged_predictions_of_a_fold_are_told(done, tmp_path):
    run = shutil.copytree(done["together"], tmp_path / "run")
    (run / "metrics.json").unlink()
    path = run / "fold-2" / "predictions.csv"
    path.write_bytes(path.read_bytes().replace(b"0.", b"1.", 1))
    with contextlib.suppress(Interrupted), pytest.raises(InputError, match=r"fold-2.* damaged"):
        cross_validate(dataclasses.replace(stored(run)))


def test_a_folder_that_was_edited_is_no_network(done, tmp_path):
    run = shutil.copytree(done["together"], tmp_path / "run")
    record = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(record | {"folds": None}))
    with pytest.raises(InputError, match=r"config.json is damaged"):
        inference_model.load(run)


def test_what_folds_cannot_have_is_refused(data, tmp_path):
    few = small_runs.config(data, tmp_path / "run", trainable="head", folds=20)
    with pytest.raises(InputError, match=r"only 13 patient\(s\) of class 'covid'"):
        cross_validate(few)
    views = small_runs.config(data, tmp_path / "run", trainable="all", folds=2, views=2)
    with pytest.raises(InputError, match=r"`views`: nothing is frozen"):
        cross_validate(views)
    assert not (tmp_path / "run").exists()
