"""A run on a table of several findings per image, from its images to its files and answers."""

import csv
import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from jaxcovid import sweeps
from jaxcovid.config import Config, TableSettings, stored
from jaxcovid.errors import InputError, Interrupted
from jaxcovid.inference.inference_model import load
from jaxcovid.inference.predict import predict
from jaxcovid.results import FindingResults
from jaxcovid.runs.evaluate import evaluate, load_models
from jaxcovid.runs.finding_artifacts import write_findings_evaluation
from jaxcovid.runs.run import fine_tune
from tests.small_network import SMALL
from tests.small_runs import assert_same, blank_charts, interruption

KINDS = {
    "bright|wide": (230, 60),
    "bright": (230, 40),
    "wide|bright?": (120, 60),
    "No Finding": (60, 40),
}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """48 pictures: "bright" are brighter, "wide" are wider; two of each patient."""
    folder = tmp_path_factory.mktemp("several")
    random = np.random.default_rng(0)
    lines = ["file,labels,patient"]
    for place in range(48):
        label, (level, width) = list(KINDS.items())[place // 2 % 4]
        pixels = random.integers(level // 2, level, (40, width), np.uint8)
        Image.fromarray(pixels).save(folder / f"{place}.png")
        lines.append(f"{place}.png,{label},P{place // 2}")
    (folder / "findings.csv").write_text("\n".join(lines) + "\n")
    return folder / "findings.csv"


def config(table, **options):
    settings = {
        "model": SMALL, "weights": "none", "head": (8,), "epochs": 2, "batch_size": 8, "loss": "bce",
        "trainable": "head", **options,
    }  # fmt: skip
    return Config(data=str(table), **settings)


@pytest.fixture(scope="module")
def run(table, tmp_path_factory):
    with blank_charts():
        return fine_tune(config(table, output=tmp_path_factory.mktemp("runs") / "one"))


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_figures_by_finding(run):
    metrics = json.loads((run / "metrics.json").read_text())
    assert set(metrics["test"]["per_finding"]) == {"bright", "wide"}
    bright = metrics["test"]["per_finding"]["bright"]
    assert bright["known"] < metrics["test"]["examples"] and 0 <= bright["auroc"] <= 1
    assert metrics["freeze_audit"]["frozen_unchanged"] and "sensitivity_at_90" in bright
    record = json.loads((run / "config.json").read_text())
    assert record["dataset"]["classes"] == ["bright", "wide"]
    assert record["dataset"]["images"]["train"]["of"] == 32
    assert {path.name for path in run.iterdir()} >= {
        "report.html", "history.csv", "split.csv", "audit.json", "weights.pth", "SHA256SUMS",
    }  # fmt: skip
    assert not (run / "checklist.md").exists()


def test_predictions_by_finding(run):
    of_images = rows(run / "predictions.csv")
    assert list(of_images[0]) == [
        "split", "path", "label", "prediction", "correct", "prob_bright", "prob_wide", "label_bright",
        "label_wide", "note", "patient",
    ]  # fmt: skip
    assert len(of_images) == 48
    for row in of_images:
        found = {name for name in ("bright", "wide") if float(row[f"prob_{name}"]) > 0.5}
        assert row["prediction"] == ("|".join(sorted(found)) or "no finding")
        if row["label"] == "wide|bright?":
            assert (row["label_bright"], row["label_wide"]) == ("", "1")
            assert row["correct"] == str("wide" in found)
    assert {row["label"] for row in of_images} == {
        "bright|wide", "bright", "wide|bright?", "no finding",
    }  # fmt: skip


def test_the_loss_is_that_of_known_findings(run):
    of_images = [row for row in rows(run / "predictions.csv") if row["split"] == "validation"]
    known = [
        -np.log(float(row[f"prob_{name}"]) if row[f"label_{name}"] == "1"
                else 1 - float(row[f"prob_{name}"]))
        for row in of_images
        for name in ("bright", "wide")
        if row[f"label_{name}"]
    ]  # fmt: skip
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["validation"]["loss"] == pytest.approx(np.mean(known), rel=1e-4)


def test_elsewhere_the_network_answers_by_finding(run, table, tmp_path):
    network = load(run)
    assert network.independent and network.classes == ("bright", "wide")
    images = TableSettings(images=table.parent)
    results = evaluate(network, run / "split.csv", "test", table=images)
    assert isinstance(results, FindingResults)
    at_the_end = json.loads((run / "metrics.json").read_text())["test"]
    here = results.splits["test"].metrics
    assert here is not None and here["per_finding"] == at_the_end["per_finding"]
    assert here["loss"] == pytest.approx(at_the_end["loss"], rel=1e-5)
    with blank_charts():
        write_findings_evaluation(tmp_path, results)
    assert json.loads((tmp_path / "metrics.json").read_text())["test"]["examples"] == 8
    row = rows(run / "predictions.csv")[0]
    (answer,) = predict(network, [table.parent / row["path"]])
    expected = [float(row["prob_bright"]), float(row["prob_wide"])]
    np.testing.assert_allclose(answer.probabilities, expected, rtol=1e-4)


def test_an_interrupted_run_goes_on_to_the_same_end(run, table, tmp_path):
    with blank_charts():
        with pytest.raises(Interrupted):
            fine_tune(config(table, output=tmp_path / "run"), deferred=interruption(6))
        fine_tune(dataclasses.replace(stored(tmp_path / "run"), resume=tmp_path / "run"))
    assert_same(run, tmp_path / "run")


def test_only_tables_and_one_network_are_evaluated(run, table):
    with pytest.raises(InputError, match="is no table; the network answers several findings"):
        evaluate(load(run), table.parent)
    with pytest.raises(InputError, match="two such networks are not compared"):
        load_models([run, run])


ABOUT_CLASSES = {
    "merge": {"merge": ("x=bright+wide",)},
    "class_weights": {"class_weights": "balanced"},
    "sampling": {"sampling": "balanced"},
}


@pytest.mark.parametrize("setting", ABOUT_CLASSES)
def test_settings_about_classes_are_refused(setting, table, tmp_path):
    with pytest.raises(InputError, match=f"`{setting}`: it is about classes"):
        fine_tune(config(table, output=tmp_path / "run", **ABOUT_CLASSES[setting]))
    assert not (tmp_path / "run").exists()


def test_sweeps_are_refused(table, tmp_path):
    grid = sweeps.Grid({"lr": (1e-3, 1e-2)})
    with pytest.raises(InputError, match="trained one by one"):
        sweeps.sweep(config(table, output=tmp_path / "sweep"), grid)
    assert not (tmp_path / "sweep").exists()
