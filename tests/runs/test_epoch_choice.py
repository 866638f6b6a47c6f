"""A run whose validation loss rises again: which weights it measures, saves and goes on from."""

import csv
import json

import jax
import numpy as np
import pytest

from jaxcovid.errors import InputError, Interrupted
from jaxcovid.inference.inference_model import load
from jaxcovid.runs.run import fine_tune
from jaxcovid.training.checkpoint import load_checkpoint
from tests.small_runs import assert_same, blank_charts, config, interruption, noise_folder

RISING = {"lr": 0.3, "epochs": 6, "patience": 2, "trainable": "all"}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return noise_folder(tmp_path_factory.mktemp("choice") / "images", 6, 4)


@pytest.fixture(scope="module")
def stopped(images, tmp_path_factory):
    with blank_charts():
        return fine_tune(config(images, tmp_path_factory.mktemp("run") / "run", **RISING))


def losses(run):
    with (run / "history.csv").open(newline="") as stream:
        return [float(row["validation_loss"]) for row in csv.DictReader(stream)]


def test_training_stops_and_what_was_best_is_measured_and_saved(stopped):
    history = losses(stopped)
    best = int(np.argmin(history)) + 1
    assert len(history) == best + 2 < 6
    metrics = json.loads((stopped / "metrics.json").read_text())
    assert metrics["measured_epoch"] == {"epoch": best, "of": best + 2}
    assert metrics["validation"]["loss"] == pytest.approx(min(history), rel=1e-5)
    saved, kept = load(stopped), load_checkpoint(stopped, "best")
    jax.tree.map(np.testing.assert_array_equal, saved.variables, kept.variables)
    page = (stopped / "report.html").read_text()
    assert f"after epoch {best} of {best + 2}, that of lowest validation loss" in page
    assert f"Training stopped after epoch {best + 2} of at most 6" in page


def test_the_last_is_measured_where_asked(images, stopped, tmp_path, undrawn):
    run = fine_tune(config(images, tmp_path / "run", **RISING, select="last"))
    assert losses(run) == losses(stopped)
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["measured_epoch"] == {"epoch": len(losses(run)), "of": len(losses(run))}
    assert metrics["validation"]["loss"] == pytest.approx(losses(run)[-1], rel=1e-5)


def test_an_interrupted_run_chooses_the_same(images, stopped, tmp_path, undrawn):
    settings = config(images, tmp_path / "run", **RISING)
    with pytest.raises(Interrupted):
        fine_tune(settings, deferred=interruption(3 * len(losses(stopped)) - 1))
    run = fine_tune(config(images, tmp_path / "run", **RISING, resume=tmp_path / "run"))
    assert_same(run, stopped)


def test_a_damaged_best_checkpoint_is_an_error(images, stopped, tmp_path):
    settings = config(images, tmp_path / "run", **RISING)
    with pytest.raises(Interrupted):
        fine_tune(settings, deferred=interruption(3 * len(losses(stopped)) - 1))
    step = 3 * (int(np.argmin(losses(stopped))) + 1)
    for path in (tmp_path / "run" / "checkpoints" / str(step)).rglob("*"):
        if path.is_file():
            path.write_bytes(b"damaged")
    with pytest.raises(InputError, match=f"checkpoint {step} is damaged"):
        fine_tune(config(images, tmp_path / "run", **RISING, resume=tmp_path / "run"))
