"""Networks of folds and seeds as a whole, with a small network: together, and one by one."""

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
from jaxcovid.sweeps.ensemble import train_ensemble
from tests import small_runs
from tests.small_runs import interruption, noise_folder, numbers

pytestmark = pytest.mark.system

TOGETHER = {"trainable": "head", "views": 2, "folds": 3, "schedule": "cosine", "warmup_epochs": 1.0, "class_weights": "balanced"}  # fmt: skip
APART = {"trainable": "all", "folds": 2, "lr": 1e-4}
BOTH = {"trainable": "head", "views": 1, "folds": 2, "seeds": 2, "augment": False}
KINDS = {"together": TOGETHER, "one by one": APART, "seeds of folds": BOTH}
SEEDS = {"trainable": "head", "views": 1, "seeds": 3, "seed": 4, "augment": False}
SEEDS_APART = {"trainable": "all", "seeds": 2, "lr": 1e-4}
OF_SEEDS = {"seeds": SEEDS, "seeds one by one": SEEDS_APART}
OF_ONE_FOLD = {**BOTH, "fold": 2, "loss": "bce"}
# A network of each that is not the first.
ONE = {
    "together": "fold-2", "one by one": "fold-2", "seeds of folds": "fold-2-seed-1",
    "seeds": "seed-6",
}  # fmt: skip


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return noise_folder(tmp_path_factory.mktemp("folds") / "data", 10, 3)


@pytest.fixture(scope="module")
def done(data, tmp_path_factory):
    """A run of several networks of each kind."""
    folder = tmp_path_factory.mktemp("done")
    with small_runs.blank_charts():
        return {
            kind: train_ensemble(small_runs.config(data, folder / kind, **settings))
            for kind, settings in (KINDS | OF_SEEDS).items()
        }


@pytest.mark.parametrize("kind", ONE)
def test_each_network_equals_the_run_alone(kind, done, data, tmp_path):
    one = done[kind] / ONE[kind]
    settings = dataclasses.replace(stored(one), output=tmp_path / "alone", resume=None)
    with small_runs.blank_charts():
        alone = fine_tune(settings)
    np.testing.assert_allclose(numbers(one), numbers(alone), rtol=1e-5, atol=1e-6)
    pairs = zip(rows(one / "predictions.csv"), rows(alone / "predictions.csv"), strict=True)
    for of_one, other in pairs:
        assert (of_one["split"], of_one["path"]) == (other["split"], other["path"])
        assert float(of_one["prob_covid"]) == pytest.approx(float(other["prob_covid"]), abs=1e-5)
    if KINDS.get(kind):
        assert (one / "split.csv").read_bytes() == (alone / "split.csv").read_bytes()
    of_one, of_alone = (inference_model.load(run) for run in (one, alone))
    assert of_one.thresholds.keys() == of_alone.thresholds.keys()
    assert json.loads((one / "metrics.json").read_text())["freeze_audit"]["frozen_unchanged"]


@pytest.mark.parametrize("kind", KINDS)
def test_all_images_are_measured_by_who_did_not_train_on_them(kind, done):
    count = KINDS[kind]["folds"]
    answers = rows(done[kind] / "predictions.csv")
    assert len(answers) == len({row["path"] for row in answers}) == 26
    left_out = {row["file"]: row["fold"] for row in rows(done[kind] / "folds.csv")}
    for row in answers:
        assert row["split"] == "out_of_fold" and row["fold"] == left_out[row["path"]]
    for number in range(1, count + 1):
        networks = sorted(done[kind].glob(f"fold-{number}*"))
        assert len(networks) == KINDS[kind].get("seeds", 1)
        of_each = [
            {
                row["path"]: float(row["prob_covid"])
                for row in rows(network / "predictions.csv")
                if row["split"] == "test"
            }
            for network in networks
        ]
        of_fold = {r["path"]: float(r["prob_covid"]) for r in answers if r["fold"] == str(number)}
        assert of_fold.keys() == of_each[0].keys()
        for path, probability in of_fold.items():
            assert probability == pytest.approx(np.mean([one[path] for one in of_each]), abs=1e-6)
    record = json.loads((done[kind] / "metrics.json").read_text())
    assert record["out_of_fold"]["examples"] == 26
    aurocs = record["between_folds"]["auroc"]["of_each"]
    assert record["out_of_fold"]["auroc"] == pytest.approx(np.mean(aurocs))
    assert record["between_folds"]["auroc"]["standard_deviation"] == pytest.approx(
        np.std(aurocs, ddof=1)
    )
    assert ("between_seeds" in record) == ("seeds" in KINDS[kind])
    page = (done[kind] / "report.html").read_text()
    assert f"Between the {count} folds macro AUROC" in page and "out_of_fold" not in page
    assert not (done[kind] / "checkpoints").exists()


@pytest.mark.parametrize("kind", OF_SEEDS)
def test_seeds_are_measured_together_and_alone(kind, done):
    networks = sorted(done[kind].glob("seed-*"))
    assert len(networks) == OF_SEEDS[kind]["seeds"]
    answers = rows(done[kind] / "predictions.csv")
    of_each = [rows(network / "predictions.csv") for network in networks]
    for row, *of_row in zip(answers, *of_each, strict=True):
        mean = np.mean([float(one["prob_covid"]) for one in of_row])
        assert float(row["prob_covid"]) == pytest.approx(mean, abs=1e-6)
        assert {(one["split"], one["path"]) for one in of_row} == {(row["split"], row["path"])}
    assert len({row["prob_covid"] for row in (of_one[0] for of_one in of_each)}) == len(networks)
    record = json.loads((done[kind] / "metrics.json").read_text())
    alone = [json.loads((network / "metrics.json").read_text()) for network in networks]
    assert record["between_seeds"]["auroc"]["of_each"] == pytest.approx(
        [metrics["validation"]["auroc"] for metrics in alone], abs=1e-6
    )
    known = [row for row in answers if row["split"] == "validation"]
    entropy = np.mean([-np.log(float(row[f"prob_{row['label']}"])) for row in known])
    assert record["validation"]["loss"] == pytest.approx(entropy, rel=1e-5)
    assert record["thresholds"].keys() == {"covid", "normal"}
    page = (done[kind] / "report.html").read_text()
    assert f"Between the {len(networks)} seeds macro AUROC of the network of one" in page
    assert "the verdict is about the validation images, which also served" in page
    assert not (done[kind] / "checkpoints").exists()


@pytest.mark.parametrize("kind", KINDS | OF_SEEDS)
def test_the_networks_answer_together(kind, done, data):
    paths = sorted((data / "validation").glob("*/*.png"))
    together = inference_model.load(done[kind])
    answers = [answer.probabilities for answer in predict(together, paths, explain=True)]
    networks = [*done[kind].glob("fold-*"), *done[kind].glob("seed-*")]
    folds = [inference_model.load(network) for network in networks]
    each = [[answer.probabilities for answer in predict(one, paths)] for one in folds]
    np.testing.assert_allclose(answers, np.mean(each, 0), atol=1e-5)
    assert together.model.first == ("stem" if "one by one" in kind else "head")
    with small_runs.blank_charts():
        results = evaluate(together, data, "validation")
    np.testing.assert_allclose(results.splits["validation"].probabilities, answers, atol=1e-4)
    heat = next(iter(predict(together, paths[:1], explain=True))).heat
    of_each = [next(iter(predict(one, paths[:1], explain=True))) for one in folds]
    if len({answer.probabilities.argmax() for answer in of_each} | {answers[0].argmax()}) == 1:
        np.testing.assert_allclose(heat, np.mean([one.heat for one in of_each], 0), atol=1e-4)


def test_seeds_of_one_fold_are_measured_on_what_it_leaves_out(done, data, tmp_path):
    with small_runs.blank_charts():
        run = train_ensemble(small_runs.config(data, tmp_path / "run", **OF_ONE_FOLD))
    assert sorted(path.name for path in run.glob("*-*")) == ["seed-0", "seed-1"]
    left_out = {row["path"] for row in rows(done["seeds of folds"] / "fold-2/predictions.csv") if row["split"] == "test"}  # fmt: skip
    answers = rows(run / "predictions.csv")
    assert {row["path"] for row in answers if row["split"] == "test"} == left_out
    record = json.loads((run / "metrics.json").read_text())
    # Of softmax's mean the loss of each output is not known.
    entropy = [-np.log(float(row[f"prob_{row['label']}"])) for row in answers if row["split"] == "test"]  # fmt: skip
    assert record["test"]["cross_entropy"] == pytest.approx(np.mean(entropy), rel=1e-4)
    assert "loss" not in record["test"]
    checks = json.loads((run / "audit.json").read_text())
    assert "19" in checks["out_of_place"]["reason"]  # validation patients that it takes
    assert len(inference_model.load(run).model.of_each(inference_model.load(run).variables)) == 2


INTERRUPTED = {
    "early": ("together", 2, ("fold-1/predictions.csv", "fold-3/weights.pth", "folds.csv")),
    "late": ("together", 5, ("fold-1/predictions.csv", "fold-3/weights.pth", "folds.csv")),
    "seeds": ("seeds", 3, ("seed-4/predictions.csv", "seed-6/weights.pth")),
}


@pytest.mark.parametrize("kind, call, files", INTERRUPTED.values(), ids=INTERRUPTED)
def test_what_was_interrupted_goes_on_exactly(kind, call, files, done, data, tmp_path):
    config = small_runs.config(data, tmp_path / "run", **(KINDS | OF_SEEDS)[kind])
    with small_runs.blank_charts():
        with pytest.raises(Interrupted):
            train_ensemble(config, deferred=interruption(call))
        train_ensemble(stored(tmp_path / "run"))
    for name in ("predictions.csv", *files):
        assert (tmp_path / "run" / name).read_bytes() == (done[kind] / name).read_bytes()
    with pytest.raises(InputError, match="is finished"):
        train_ensemble(stored(tmp_path / "run"))


def test_folds_that_do_not_fit_together_train_in_parts(done, data, tmp_path, monkeypatch):
    monkeypatch.setattr("jaxcovid.sweeps.ensemble_together.member_memory", lambda *_: 6e8)
    config = small_runs.config(data, tmp_path / "run", **TOGETHER, memory_budget=1.3)
    with small_runs.blank_charts():
        train_ensemble(config)
    for number in (1, 2, 3):
        np.testing.assert_allclose(
            numbers(tmp_path / "run" / f"fold-{number}"), numbers(done["together"] / f"fold-{number}"), rtol=1e-5
        )  # fmt: skip


def test_damaged_predictions_of_a_fold_are_told(done, tmp_path):
    run = shutil.copytree(done["together"], tmp_path / "run")
    (run / "metrics.json").unlink()
    path = run / "fold-2" / "predictions.csv"
    path.write_bytes(path.read_bytes().replace(b"0.", b"1.", 1))
    with pytest.raises(InputError, match=r"fold-2.* damaged"):
        train_ensemble(dataclasses.replace(stored(run)))


EDITED = {
    "no folds": ("together", {"folds": None}, r"config.json is damaged"),
    "not one fold": ("together", {"folds": 0}, r"config.json is damaged \(it speaks of no network"),
    "more folds than there are": ("together", {"folds": 10**12}, r"fold-4"),
    "more seeds than there are": ("seeds", {"seeds": 10**12}, r"seed-7"),
    "seeds that are text": ("seeds", {"seeds": "3"}, r"config.json is damaged"),
}


@pytest.mark.parametrize("kind, change, message", EDITED.values(), ids=EDITED)
def test_a_folder_that_was_edited_is_no_network(kind, change, message, done, tmp_path):
    run = shutil.copytree(done[kind], tmp_path / "run")
    record = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(record | change))
    with pytest.raises(InputError, match=message):
        inference_model.load(run)


def test_what_folds_cannot_have_is_refused(data, tmp_path):
    few = small_runs.config(data, tmp_path / "run", trainable="head", folds=20)
    with pytest.raises(InputError, match=r"only 13 patient\(s\) of class 'covid'"):
        train_ensemble(few)
    views = small_runs.config(data, tmp_path / "run", trainable="all", folds=2, views=2)
    with pytest.raises(InputError, match=r"`views`: nothing is frozen"):
        train_ensemble(views)
    assert not (tmp_path / "run").exists()
