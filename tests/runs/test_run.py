import csv
import dataclasses
import json
import math
import shutil

import jax
import numpy as np
import pytest
import safetensors.numpy
from PIL import Image

import weights_convert
from jaxcovid import models
from jaxcovid.config import Config, stored
from jaxcovid.data.preparation import Preparation
from jaxcovid.errors import InputError, Interrupted
from jaxcovid.inference.inference_model import load
from jaxcovid.runs.run import fine_tune
from jaxcovid.training import setup
from jaxcovid.training.images_together import ONE_IMAGE
from jaxcovid.training.initial_weights import initial_variables
from jaxcovid.training.trainable import label
from tests.experiments.scripts import call
from tests.small_network import SMALL
from tests.small_runs import assert_same, blank_charts, config, interruption, noise_folder
from weights_convert import table


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_all_artifacts_are_there_and_no_partial_file(finished):
    names = {str(path.relative_to(finished)) for path in finished.rglob("*") if path.is_file()}
    names = {name for name in names if not name.startswith("checkpoints/")}
    assert names == {
        "config.json", "history.csv", "metrics.json", "predictions.csv", "report.html", "weights.pth",
        "SHA256SUMS", "training_features.safetensors", "audit.json", "checklist.md", "plots/floors.png", "plots/duplicate_0_one.png", "plots/duplicate_0_other.png",
        "weights.safetensors", "plots/loss.png", "plots/accuracy.png", "plots/training_views.png", "plots/seen.png",
        "plots/classes.png", "plots/referral.png", "plots/confusion_train.png", "plots/confusion_validation.png", "plots/roc_validation.png",
        "plots/precision_recall_validation.png", "plots/reliability_validation.png",
        *(f"plots/example_{index}{kind}.png" for index in range(8) for kind in ("", "_grad_cam")),
    }  # fmt: skip
    for path in (finished / "plots").iterdir():
        with Image.open(path) as image:
            image.verify()


def test_history(finished):
    history = rows(finished / "history.csv")
    assert list(history[0]) == [
        "epoch", "step", "lr", "train_loss", "train_accuracy", "validation_loss",
        "validation_accuracy", "seconds", "images_per_second",
    ]  # fmt: skip
    assert [row["epoch"] for row in history] == ["1", "2"]
    assert [row["step"] for row in history] == ["3", "6"]  # 12 images in batches of 5
    assert all(float(row["lr"]) == pytest.approx(1e-3) for row in history)


def test_same_settings_give_the_same_history_predictions_and_weights(finished, tmp_path):
    settings = dataclasses.replace(stored(finished), output=tmp_path / "two", resume=None)
    assert_same(fine_tune(settings), finished)


def test_metrics_follow_from_predictions(finished):
    metrics = json.loads((finished / "metrics.json").read_text())
    predictions = rows(finished / "predictions.csv")
    for split, count in (("train", 12), ("validation", 8)):
        mine = [row for row in predictions if row["split"] == split]
        assert len(mine) == len({row["path"] for row in mine}) == count
        correct = sum(row["correct"] == "True" for row in mine)
        assert metrics[split]["accuracy"] == pytest.approx(correct / count)
        assert sum(map(sum, metrics[split]["confusion_matrix"])) == count
    assert "test" not in metrics
    (unknown,) = (row for row in predictions if row["split"] == "test")
    assert (unknown["path"], unknown["label"], unknown["correct"]) == (
        "test/unknown.png",
        "",
        "",
    )
    for row in predictions:
        probabilities = {name: float(row[f"prob_{name}"]) for name in ("covid", "normal")}
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert row["prediction"] == max(probabilities, key=probabilities.__getitem__)
    last = rows(finished / "history.csv")[-1]
    assert float(last["validation_accuracy"]) == pytest.approx(metrics["validation"]["accuracy"])
    assert float(last["validation_loss"]) == pytest.approx(metrics["validation"]["loss"])


def test_freeze_audit(finished):
    audit = json.loads((finished / "metrics.json").read_text())["freeze_audit"]
    # 18 convolution and batch-norm parameters and 12 statistics stay; the head's 4 arrays move.
    assert audit["frozen_unchanged"] is True
    assert (audit["frozen_leaves"], audit["trainable_changed"]) == (30, 4)


def test_config_records_every_flag_and_the_surroundings(finished):
    record = json.loads((finished / "config.json").read_text())
    assert {field.name for field in dataclasses.fields(Config)} <= set(record)
    assert record["precision"] == "float32" and record["head"] == [8]
    assert record["dataset"]["images"]["train"] == {"covid": 6, "normal": 6}
    assert record["dataset"]["images"]["test"]["unlabelled"] == 1
    assert record["dataset"]["ignored"] == ["test/notes.txt"]
    assert len(record["data_fingerprint"]) == 32
    assert record["versions"]["jax"] and record["device"]["platform"] == "cpu"


def test_weights_carry_what_prediction_needs(finished):
    path = finished / "weights.safetensors"
    arrays = safetensors.numpy.load_file(path)
    assert arrays["fc.2.weight"].shape == (2, 8) and arrays["bn1.num_batches_tracked"] == 0
    with safetensors.safe_open(path, "numpy") as stream:
        metadata = stream.metadata()
    assert metadata["architecture"] == SMALL
    assert json.loads(metadata["classes"]) == ["covid", "normal"]


def test_a_run_can_start_from_another(finished, tmp_path, undrawn):
    folder = json.loads((finished / "config.json").read_text())["data"]
    again = fine_tune(config(folder, tmp_path / "again", weights=str(finished), epochs=1, lr=1e-12))
    one, two = (json.loads((run / "metrics.json").read_text()) for run in (finished, again))
    assert two["validation"]["loss"] == pytest.approx(one["validation"]["loss"], rel=1e-4)


HEADS = {
    "the same": ((8,), ("covid", "normal"), "with its head"),
    "another width": ((4,), ("covid", "normal"), "with a new head"),
    "other classes": ((8,), ("covid", "other"), "with a new head"),
}


@pytest.mark.parametrize("case", HEADS)
def test_a_head_is_taken_over_only_if_it_is_the_same(finished, case):
    hidden, classes, expected = HEADS[case]
    settings = Config(model=SMALL, weights=str(finished), head=hidden)
    entries, module = table(SMALL, 2, hidden), models.build(SMALL, 2, hidden)
    shapes = jax.eval_shape(module.init, jax.random.key(0), ONE_IMAGE)
    labels = label(shapes["params"], SMALL, "head", entries)
    initial = initial_variables(settings, module, entries, classes, labels)
    assert expected in initial.source
    trained = np.asarray(weights_convert.load(finished)["fc.2.bias"])
    taken = np.array_equal(initial.variables["params"]["fc_2"]["bias"], trained)
    assert taken == (expected == "with its head")


def test_divergence_stops_the_run_and_names_step_and_rate(image_folder, tmp_path):
    with pytest.raises(InputError, match=r"diverged: the .* at step \d+ .* rate 3e\+38"):
        fine_tune(config(image_folder, tmp_path / "run", lr=3e38))
    assert not (tmp_path / "run" / "metrics.json").exists()
    assert not (tmp_path / "run" / "weights.pth").exists()


def test_folds_are_not_one_run(image_folder, tmp_path):
    with pytest.raises(InputError, match="say which `fold`"):
        fine_tune(Config(data=str(image_folder), folds=2, output=tmp_path / "run"))


def test_weights_that_are_no_numbers_are_refused(image_folder, tmp_path):
    arrays = {entry.torch: np.ones(entry.shape, np.float32) for entry in table(SMALL, 2, (8,))}
    arrays["conv1.weight"][0] = np.nan
    arrays["bn1.running_var"][0] = -1
    weights_convert.save(tmp_path / "bad.pth", arrays)
    with pytest.raises(InputError) as error:
        fine_tune(config(image_folder, tmp_path / "run", weights=str(tmp_path / "bad.pth")))
    assert "conv1.weight holds infinite values or NaN" in str(error.value)
    assert "bn1.running_var holds negative variances" in str(error.value)


def test_says_what_it_does(image_folder, tmp_path, capsys, undrawn):
    fine_tune(config(image_folder, tmp_path / "run", epochs=1))
    printed = capsys.readouterr().out
    for part in (
        "starting from random weights. Not for clinical use.",
        "layer2_0  frozen",
        "running statistics, kept",
        "fc_0      trainable",
        "Warning: 6 image(s) occur in two splits",
        "epoch 1/1: train loss",
        "Freeze audit: 30 frozen arrays unchanged, 4 of 4 trainable arrays changed",
        f"Results in {tmp_path / 'run'}",
    ):
        assert part in printed, part


def test_splits_that_were_drawn_are_written_down_and_stay_on_resuming(tmp_path, capsys, undrawn):
    # As many images of each split as `finished` has, so that nothing large is compiled again.
    folder = noise_folder(tmp_path / "xrays", 10, 1)
    shutil.rmtree(folder / "validation")
    settings = config(folder, tmp_path / "run", epochs=1, split=(60, 40), merge=("sick=covid",))
    with pytest.raises(Interrupted):
        fine_tune(settings, deferred=interruption(1))
    before = (settings.output / "split.csv").read_bytes()
    fine_tune(stored(settings.output))
    assert (settings.output / "split.csv").read_bytes() == before
    members = rows(settings.output / "split.csv")
    assert list(members[0]) == ["file", "class", "patient", "split"]
    of_split = {row["path"]: row["split"] for row in rows(settings.output / "predictions.csv")}
    assert {row["file"]: row["split"] for row in members} == of_split and len(of_split) == 20
    assert {row["class"] for row in members} == {"covid", "normal"}
    assert "split.csv" in (settings.output / "SHA256SUMS").read_text()
    assert "Splits were drawn from 20 images: train, validation as 60 40" in capsys.readouterr().out
    checklist = (settings.output / "checklist.md").read_text()
    assert "Splits were drawn from 20 images" in checklist


def test_a_violated_freeze_is_an_error_and_recorded(image_folder, tmp_path, monkeypatch, undrawn):
    # As if a bug let the optimizer touch what the plan calls frozen.
    monkeypatch.setattr(setup, "frozen_paths", lambda *_: frozenset({"params/fc_0/kernel"}))
    with pytest.raises(RuntimeError, match="params/fc_0/kernel"):
        fine_tune(config(image_folder, tmp_path / "run", epochs=1))
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["freeze_audit"]["frozen_unchanged"] is False


@pytest.mark.system
@pytest.mark.parametrize("options", [
    {"augment": False, "schedule": "cosine", "warmup_epochs": 0.5, "optimizer": "adamw"},
    {"class_weights": "balanced", "dropout": 0.5, "batch_norm": "batch", "head": ()},
], ids=["adamw, cosine", "balanced, dropout"])  # fmt: skip
def test_other_settings_run_too(image_folder, tmp_path, options, undrawn):
    run = fine_tune(config(image_folder, tmp_path / "run", epochs=1, **options))
    assert math.isfinite(float(rows(run / "history.csv")[0]["train_loss"]))


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """A run on three of four classes, of which one implies another, and its settings."""
    folder = tmp_path_factory.mktemp("data") / "xrays"
    rng = np.random.default_rng(0)
    for split, count in (("train", 3), ("validation", 2)):
        for name, high in (("covid-19", 60), ("flu", 120), ("cold", 130), ("normal", 255)):
            (folder / split / name).mkdir(parents=True)
            for index in range(count):
                pixels = rng.integers(0, high, (30, 40), np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f"{index}.png")
    settings = config(
        folder, tmp_path_factory.mktemp("runs") / "run", loss="focal", focal_alpha=(1.0, 0.5, 2.0),
        merge=("pneumonia=flu+cold",), multilabel=("covid-19=covid-19+pneumonia",), epochs=1, views=1,
        fit="pad", intensity="standardise", sampling="balanced", augmentation="gentle",
    )  # fmt: skip
    with blank_charts(), pytest.raises(Interrupted):
        fine_tune(settings, deferred=interruption(1))
    with blank_charts():
        return fine_tune(stored(settings.output)), settings


def test_several_findings_and_joined_classes_from_resume_to_prediction(several, tmp_path, undrawn):
    run, settings = several
    expected = dataclasses.replace(settings_of(settings), stored_side=320)
    assert dataclasses.replace(stored(run), resume=None) == expected
    network = load(run)
    assert network.classes == ("covid-19", "normal", "pneumonia")
    assert network.merge == settings.merge
    assert network.preparation == Preparation("pad", "standardise")
    np.testing.assert_array_equal(network.codes, [[1, 0, 1], [0, 1, 0], [0, 0, 1]])
    at_the_end = json.loads((run / "metrics.json").read_text())["validation"]
    assert at_the_end["findings"]["per_finding"]["pneumonia"]["support"] == 6
    assert "Each finding by itself" in (run / "report.html").read_text()

    options = ("--data", settings.data, "--split", "validation", "--output", tmp_path / "out")
    assert call("evaluate", run, *options) == 0
    elsewhere = json.loads((tmp_path / "out" / "metrics.json").read_text())["validation"]
    assert (
        elsewhere["findings"] == at_the_end["findings"]
        and elsewhere["accuracy"] == at_the_end["accuracy"]
    )

    images = f"{settings.data}/validation"
    assert call("predict", run, images, "--csv", tmp_path / "answers.csv") == 0
    expected = {row["path"]: row for row in rows(run / "predictions.csv")}
    answers = rows(tmp_path / "answers.csv")
    assert len(answers) == 8
    for row in answers:
        reference = expected[row["path"].removeprefix(f"{settings.data}/")]
        assert row["prediction"] == reference["prediction"]
        for name in ("prob_covid-19", "finding_covid-19", "finding_pneumonia"):
            assert float(row[name]) == pytest.approx(float(reference[name]), abs=2e-5)


def settings_of(settings):
    """As config.json has them, with what a run decides where it is not told."""
    decided = {"precision": "float32", "select": "best"}
    return dataclasses.replace(settings, data=str(settings.data), **decided)
