"""The original's mistakes: each does what it says, and only where it is asked for."""

import json
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import f1_score

from jaxcovid.assignment import mistakes
from jaxcovid.assignment.seed_presets import SEED
from jaxcovid.assignment.settings import AssignmentSettings, Mistake
from jaxcovid.config import Config, as_json
from jaxcovid.runs.run import fine_tune
from jaxcovid.training.evaluation import Predictions
from jaxcovid.training.losses import balanced_weights, bce, focal, weighted
from jaxcovid.training.parts import Parts
from jaxcovid.training.recipe import loss_function
from tests.small_runs import config, noise_folder
from tests.training.small import split

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


# Part 2's validation: batches of 8, of which the last is half full.
NUMBERS = np.repeat([0, 1, 2], [28, 400, 200])
# What the answers are, how many normal images are in the last batch, and what the original prints.
PRINTED = {
    "part2-vgg16-bce": (np.ones(628, int), 4, 0.0, 0.647436),
    "part2-resnet18-focal": (np.ones(628, int), 3, 0.0, 0.645833),
    "part2-vgg16-focal": (np.ones(628, int), 2, mistakes.CARRIED, 0.652531),
    "part2-resnet18-bce": (np.where(np.arange(628) < 4, 0, 1), 4, 0.0, 0.653846),
}


def evaluated(last):
    """Image numbers in an order of evaluation with so many normal images in the last batch."""
    others = np.flatnonzero(NUMBERS != 1)[-(4 - last) :] if last < 4 else np.array([], int)
    ends = np.concatenate([np.flatnonzero(NUMBERS == 1)[:last], others])
    return np.concatenate([np.setdiff1d(np.arange(628), ends), ends])


@pytest.mark.parametrize("name", PRINTED)
def test_the_printed_f1_of_part_2(name):
    predicted, last, begin, printed = PRINTED[name]
    order = evaluated(last)
    back = np.argsort(mistakes.shuffled(628, 3))
    labels, predicted = NUMBERS[order][back], predicted[order][back]
    got = mistakes.f1_over_batches(labels, predicted, 8, 3, begin)
    assert got == pytest.approx(printed, abs=5e-7)
    assert round(got, 4) == SEED[name].reported.f1
    assert ("f1_not_reset" in SEED[name].mistakes) == (begin > 0)
    assert SEED[name].as_run["eval_batch_size"] == 8


def test_f1_over_batches_is_scikit_learns():
    generator = np.random.default_rng(0)
    labels, predicted = generator.integers(0, 3, (2, 21))
    order = mistakes.shuffled(21, 5)
    scores = [
        f1_score(labels[batch], (predicted[batch] > 0.15).astype(int), average="micro")
        for batch in (order[:8], order[8:16], order[16:])
    ]
    got = mistakes.f1_over_batches(labels, predicted, 8, 5, begin=0.5)
    assert got == pytest.approx((0.5 + sum(scores)) / 2)
    assert mistakes.f1_over_batches(labels, predicted, 21, 5) is None


def factories(config, *made):
    """The loss with those mistakes, and the ordinary one, on the same settings."""
    labels = np.array([0, 1, 1, 2], np.int32)
    return (factory(config, CODES, labels, None) for factory in (mistakes.mistaken_loss(made), loss_function))  # fmt: skip


BALANCED = {"loss": "focal", "class_weights": "balanced"}
# Mistakes, settings, and what makes of the ordinary loss the one with them.
COMPOSED = {
    "none": ((), BALANCED, lambda loss: loss),
    "not about the loss": (("last_batch_f1", "train_mode_evaluation"), BALANCED, lambda loss: loss),
    "a sigmoid": (("sigmoid_twice",), BALANCED, mistakes.on_probabilities),
}


@pytest.mark.parametrize("case", COMPOSED)
def test_mistakes_are_put_onto_the_ordinary_loss(case):
    made, options, changed = COMPOSED[case]
    wrong, ordinary = factories(Config(**options), *made)
    got, expected = (each(LOGITS, LABELS, MASK) for each in (wrong, changed(ordinary)))
    np.testing.assert_array_equal(got[0], expected[0])
    np.testing.assert_array_equal(got[1], expected[1])


def test_all_mistakes_of_the_loss_together():
    wrong, _ = factories(
        Config(**BALANCED), "covid_and_normal", "batch_mean_focal", "sigmoid_twice"
    )
    swapped = mistakes.swapped_codes(CODES)
    weights = balanced_weights(np.array([0, 1, 1, 2], np.int32), 3)
    focal_of_means = weighted(mistakes.batch_mean_focal(swapped, 1.0, 2.0), weights)
    got, expected = (
        loss(LOGITS, LABELS, MASK) for loss in (wrong, mistakes.on_probabilities(focal_of_means))
    )
    np.testing.assert_array_equal(got[0], expected[0])
    np.testing.assert_array_equal(got[1], expected[1])


def test_without_mistakes_all_parts_are_ordinary():
    parts = mistakes.parts(AssignmentSettings())
    ordinary = Parts(loss=parts.loss, settings=as_json(AssignmentSettings()))
    assert parts == ordinary


def test_parts_of_evaluation():
    parts = mistakes.parts(AssignmentSettings(("train_mode_evaluation", "last_batch_f1")))
    settings = Config(eval_batch_size=8, seed=3)
    assert parts.answer_by_codes and parts.evaluation is not None
    labels, predicted = np.array([0, 1, 1, 0]), np.array([0, 1, 0, 1])
    values, sentences = parts.metrics(settings, labels, predicted, {"macro_f1": 0.56785})
    assert values == {"f1_of_last_batch": 0.5}
    expected = "F1 as the original computes it is 0.5000; the macro-F1 of all images is 0.5678"
    assert sentences == (expected,)
    _, (sentence,) = parts.metrics(settings, labels, predicted, {"macro_f1": None})
    assert sentence.endswith("the macro-F1 of all images is undefined")
    assert not mistakes.parts(AssignmentSettings(("covid_and_normal",))).answer_by_codes


CURVES = {  # mistakes, and how right an image of the first class is whose outputs say [1, 1, 0]
    "by the code": (("subset_accuracy",), 0.0),
    "by the wrong code": (("subset_accuracy", "covid_and_normal"), 1.0),
    "by precision": (("micro_precision",), 0.5),
    "by precision, of the wrong code": (("micro_precision", "covid_and_normal"), 1.0),
}


@pytest.mark.parametrize("case", CURVES)
def test_curves_of_accuracy_compare_with_the_codes_that_were_trained(case):
    made, expected = CURVES[case]
    correct = mistakes.parts(AssignmentSettings(made)).correct(CODES, None)
    right = correct(jnp.array([[2.0, 1, -1]]), jnp.array([0]), jnp.ones(1))
    assert right.tolist() == [expected]


def answers(findings=True):
    probabilities = np.arange(10, dtype=np.float32).reshape(5, 2)
    return Predictions(probabilities, 0.5, 0.5, -probabilities if findings else None)


@pytest.mark.parametrize("findings", [True, False])
def test_names_stand_in_the_folders_order_beside_answers_in_another(findings):
    """The original: a list of names as it is, and a loader that shuffles."""
    settings, unlabelled = Config(seed=3), split([-1] * 5)
    given = answers(findings)
    loaded = [
        (unlabelled.paths[place], given.probabilities[place]) for place in mistakes.shuffled(5, 3)
    ]
    assert [path for path, _ in loaded] != list(unlabelled.paths)
    written = mistakes.shuffled_answers(settings, unlabelled, given)
    np.testing.assert_array_equal(written.probabilities, [row for _, row in loaded])
    assert (written.findings is None) == (not findings)
    if findings:
        np.testing.assert_array_equal(written.findings, -written.probabilities)
    labelled = mistakes.shuffled_answers(settings, split([0, 1, 0, 1, 0]), given)
    np.testing.assert_array_equal(labelled.probabilities, given.probabilities)


SUMMED = {  # mistakes, and F1 of two batches that are right in all and in half of their images
    "reset": (("summed_batch_f1",), 1.5),
    "not reset": (("summed_batch_f1", "f1_not_reset"), 1.5 + mistakes.CARRIED),
}


@pytest.mark.parametrize("case", SUMMED)
def test_f1_of_part_2_is_that_of_its_batches(case):
    made, expected = SUMMED[case]
    back = np.argsort(mistakes.shuffled(4, 3))
    labels, predicted = np.array([0, 1, 1, 1])[back], np.array([0, 2, 0, 1])[back]
    metrics = mistakes.parts(AssignmentSettings(made)).metrics
    settings = Config(eval_batch_size=2, seed=3)
    values, (sentence,) = metrics(settings, labels, predicted, {"macro_f1": 0.5})
    assert values == {"f1_over_batches": pytest.approx(expected)}
    assert f"is {expected:.4f}; the macro-F1 of all images is 0.5000" in sentence
    values, (sentence,) = metrics(Config(eval_batch_size=9), labels, predicted, {})
    assert values == {} and "undefined: the images are a single batch" in sentence


# There are the one or the other.
ALTERNATIVES = ("summed_batch_f1", "f1_not_reset", "micro_precision")


@pytest.mark.system
@pytest.mark.usefixtures("undrawn")
def test_a_run_with_all_of_them_says_so_everywhere(tmp_path, capsys):
    data = noise_folder(tmp_path / "xrays", 3, 3)
    settings = config(
        data, tmp_path / "run", epochs=1, dropout=0.5, loss="focal", batch_norm="batch",
        multilabel=("covid=covid+normal",),
    )  # fmt: skip
    habits = tuple(name for name in mistakes.MISTAKES if name not in ALTERNATIVES)
    run = fine_tune(settings, parts=mistakes.parts(AssignmentSettings(habits)))
    printed = capsys.readouterr().out
    assert printed.count("wrong on purpose, as the original was") == len(habits)
    metrics = json.loads((run / "metrics.json").read_text())
    assert "findings" not in metrics["validation"]
    assert 0 <= metrics["validation"]["f1_of_last_batch"] <= 1
    assert json.loads((run / "config.json").read_text())["habits"] == list(habits)
    page = (run / "report.html").read_text()
    assert "F1 as the original computes it" in page
    for habit in habits:
        assert mistakes.MISTAKES[habit][:40] in printed


def test_each_mistake_that_can_be_asked_for_has_words():
    assert set(mistakes.MISTAKES) == set(get_args(Mistake))
