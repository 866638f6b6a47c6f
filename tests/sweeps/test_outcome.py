"""Which member of a sweep is the best, what it answers, and that outcomes survive being written."""

import numpy as np
import pytest

from jaxcovid.sweeps.outcome import Outcome, answered, best_outcome
from tests.sweeps.made_up import outcome

MEMBERS = [
    outcome(0, 0.90, loss=0.5, balanced_accuracy=0.7, auroc=0.95),
    outcome(1, 0.90, loss=0.4, balanced_accuracy=0.6, auroc=0.90),
    outcome(2, 0.80, loss=0.3, balanced_accuracy=0.8, macro_f1=0.95),
    outcome(3, 0.99, loss=0.1, diverged=2),
    outcome(4, 0.95, loss=0.2, answers=("normal",), balanced_accuracy=0.99, auroc=0.99),
]
BEST = {"accuracy": 1, "balanced_accuracy": 2, "macro_f1": 2, "auroc": 0, "loss": 2}


@pytest.mark.parametrize("metric", BEST)
def test_the_best_member_is_that_of_the_metric_then_of_the_lowest_loss(metric):
    best = best_outcome(MEMBERS, metric)
    assert best is not None and best.place == BEST[metric]


def test_a_member_that_answers_one_class_is_the_best_only_if_all_do():
    best = best_outcome(MEMBERS[3:], "accuracy")
    assert best is not None and best.place == 4
    assert best_outcome(MEMBERS[3:4], "accuracy") is None


def test_what_earlier_versions_recorded_is_taken_for_learned():
    former = MEMBERS[4]._replace(answers=None)
    assert former.only_answer == "" and best_outcome([*MEMBERS, former], "accuracy") is former
    record = former.as_json()
    del record["answers"]
    assert Outcome.from_json(record) == former


def test_an_outcome_survives_json():
    odd = outcome(3, float("nan"), diverged=1)
    assert str(Outcome.from_json(odd.as_json())) == str(odd)
    assert Outcome.from_json(MEMBERS[4].as_json()) == MEMBERS[4]


def test_the_classes_that_are_answered():
    probabilities = np.array([[0.1, 0.2, 0.7], [0.5, 0.2, 0.3], [0.4, 0.0, 0.6]])
    assert answered(probabilities, ("a", "b", "c")) == ("a", "c")
