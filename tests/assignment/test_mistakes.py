"""The original's mistakes: each does what it says, and only where it is asked for."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid import models
from jaxcovid.assignment import mistakes
from jaxcovid.config import Config, problems
from jaxcovid.runs.run import fine_tune
from jaxcovid.training.losses import bce, focal
from jaxcovid.training.step import Batch
from tests.small_runs import config, noise_folder

CODES = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1]], np.float32)
LOGITS = jnp.array([[2.0, -1, 0.5], [-3, 1, 0], [0, 0, 4]])
LABELS, MASK = jnp.array([0, 1, 2]), jnp.array([1.0, 1, 0])


def test_the_code_of_covid_says_normal():
    assert mistakes.swapped_codes(CODES).tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert CODES[0].tolist() == [1, 0, 1]


def test_a_sigmoid_before_the_loss_bounds_it():
    values, _ = mistakes.on_probabilities(bce(CODES))(1000 * LOGITS, LABELS, MASK)
    # No output can be surer than sigmoid(1) of a finding, or than sigmoid(0) of none.
    least = np.array([2 * np.log1p(np.exp(-1)) + np.log(2), np.log1p(np.exp(-1)) + 2 * np.log(2)])
    assert (np.asarray(values) > least.min() / 3 - 1e-6).all()
    expected, _ = bce(CODES)(jax.nn.sigmoid(LOGITS), LABELS, MASK)
    got, _ = mistakes.on_probabilities(bce(CODES))(LOGITS, LABELS, MASK)
    np.testing.assert_array_equal(got, expected)


def test_the_batch_mean_stands_for_every_example():
    values, _ = mistakes.batch_mean_focal(CODES, 0.5, 2.0)(LOGITS, LABELS, MASK)
    own = np.asarray(bce(CODES)(LOGITS, LABELS, MASK)[0])[:2].mean()
    np.testing.assert_allclose(values, 0.5 * (1 - np.exp(-own)) ** 2 * own, rtol=1e-6)
    right, _ = focal(CODES, (0.5,), 2.0)(LOGITS, LABELS, MASK)
    assert abs(float(right[:2].mean()) - float(values[0])) > 0.01


# Labels and predictions in the order of evaluation.
LAST = {
    "one class, all right": ([0] * 8 + [1] * 4, [1] * 8 + [1] * 4, 8, 1.0),
    "whole split": ([0, 1, 1, 0], [0, 1, 0, 1], 1500, 0.5),
    "a full last batch": ([0] * 8 + [1] * 8, [0] * 8 + [1] * 6 + [0] * 2, 8, (12 / 14) / 2),
    "all but the first class are one": ([0, 1, 2], [0, 2, 1], 8, 1.0),
}


@pytest.mark.parametrize("case", LAST)
def test_f1_of_the_last_batch(case):
    labels, predicted, size, expected = LAST[case]
    back = np.argsort(mistakes.shuffled(len(labels), 3))
    got = mistakes.f1_of_last_batch(np.array(labels)[back], np.array(predicted)[back], size, 3)
    assert got == pytest.approx(expected)


def test_train_mode_takes_the_statistics_of_the_batch_and_keeps_dropout():
    model = models.build("resnet18", 2, (64,), 0.5)
    images = jax.random.normal(jax.random.key(0), (4, 32, 32, 3))
    variables = jax.jit(model.init)(jax.random.key(1), images)
    batch = Batch(images, jnp.zeros(4, jnp.int32), jnp.ones(4))

    @jax.jit
    def forward(key, batch):
        own = mistakes.train_mode(model, key)
        return own(variables["params"], variables["batch_stats"], batch)

    def logits(seed, batch):
        return forward(jax.random.key(seed), batch)

    plain = jax.jit(model.apply)(variables, images)
    assert np.abs(logits(0, batch) - plain).max() > 0.01
    assert np.abs(logits(0, batch) - logits(1, batch)).max() > 0.01
    # What an image gets depends on the others of its batch.
    other = batch._replace(images=images.at[1:].multiply(3.0))
    assert np.abs(logits(0, batch)[0] - logits(0, other)[0]).max() > 1e-4


REFUSED = {
    "covid_and_normal": ({}, "--multilabel"),
    "sigmoid_twice": ({}, "--loss bce or focal"),
    "batch_mean_focal": ({"loss": "focal", "focal_alpha": (1.0, 2.0)}, "one --focal-alpha"),
    "train_mode_evaluation": ({"views": 2}, "--views 0"),
}


@pytest.mark.parametrize("habit", REFUSED)
def test_a_habit_that_cannot_be_is_refused(habit):
    options, needed = REFUSED[habit]
    (problem,) = problems(Config(habits=(habit,), **options))
    assert problem.startswith(f"--habits {habit}: needs ") and needed in problem


def test_as_written_needs_a_preset():
    (problem,) = problems(Config(as_written=True))
    assert problem.startswith("--as-written: give --preset")


@pytest.mark.system
@pytest.mark.usefixtures("undrawn")
def test_a_run_with_all_of_them_says_so_everywhere(tmp_path, capsys):
    data = noise_folder(tmp_path / "xrays", 3, 3)
    settings = config(
        data, tmp_path / "run", epochs=1, dropout=0.5, loss="focal", batch_norm="batch",
        multilabel=("covid=covid+normal",), habits=tuple(mistakes.HABITS),
    )  # fmt: skip
    run = fine_tune(settings)
    printed = capsys.readouterr().out
    assert printed.count("wrong on purpose, as the original was") == len(mistakes.HABITS)
    metrics = json.loads((run / "metrics.json").read_text())
    assert "findings" not in metrics["validation"]
    assert 0 <= metrics["validation"]["f1_of_last_batch"] <= 1
    page = (run / "report.html").read_text()
    assert "F1 as the original computes it" in page
    for said in mistakes.HABITS.values():
        assert said[:40] in printed


def test_without_them_nothing_changes():
    """What the flags are by default."""
    assert Config().habits == () and not Config().as_written
    assert set(mistakes.HABITS) == set(
        dataclasses.fields(Config)[
            [field.name for field in dataclasses.fields(Config)].index("habits")
        ]
        .type.__args__[0]
        .__args__
    )
