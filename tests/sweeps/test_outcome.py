"""Which member of a sweep is the best, and that outcomes survive being written."""

from jaxcovid.sweeps.outcome import Outcome, best_outcome
from tests.sweeps.test_page import outcome


def test_the_best_member_has_the_highest_accuracy_then_the_lowest_loss():
    tied = [outcome(0, 0.9, loss=0.5), outcome(1, 0.9, loss=0.4), outcome(2, 0.95, diverged=2)]
    assert best_outcome(tied).place == 1
    assert best_outcome(tied[2:]) is None


def test_an_outcome_survives_json():
    odd = outcome(3, float("nan"), diverged=1)
    again = Outcome.from_json(odd.as_json())
    assert str(again) == str(odd)
