"""Which setting is the best, and which are compared with it."""

import pytest

from jaxcovid.statistics.seed_statistics import Estimate
from jaxcovid.sweeps.comparison import compare_settings
from jaxcovid.sweeps.grid import Grid
from tests.sweeps.made_up import CLEAR, GRID, outcome, outcomes

THREE = Grid({"lr": (1e-3, 1e-2, 1e-1)}, 2)
HALF = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]

# What is left out of three settings, and the place of the best.
LEFT_OUT = {
    "none": (outcomes(HALF), ["", "", ""], 2),
    "a seed of the best diverged": (outcomes(HALF, diverged={4}), ["", "", "a seed diverged"], 1),
    "a setting diverged": (outcomes(HALF, diverged={4, 5}), ["", "", "diverged"], 1),
    "the best says one class": (outcomes(HALF, constant={4, 5}), ["", "", "one class only"], 1),
    "one of its seeds does": (outcomes(HALF, constant={4}), ["", "", ""], 2),
    "others say one class": (
        outcomes(HALF, constant={0, 1, 2, 3}), ["one class only", "one class only", ""], 2,
    ),
    # Rather one of which a seed diverged than one that learned nothing.
    "all but a fallen one": (
        outcomes(HALF, diverged={0}, constant={2, 3, 4, 5}), ["", "one class only", "one class only"], 0,
    ),
    "all say one class": (outcomes(HALF, constant=range(6)), ["", "", ""], 2),
    "all diverged": (outcomes(HALF, diverged=range(6)), ["", "", ""], None),
}  # fmt: skip


@pytest.mark.parametrize("case", LEFT_OUT)
def test_what_is_compared(case):
    members, expected, best = LEFT_OUT[case]
    comparison = compare_settings(THREE, members, "accuracy")
    assert [setting.left_out for setting in comparison.settings] == expected
    assert comparison.best == best


def test_settings_are_compared_with_the_best():
    comparison = compare_settings(GRID, outcomes(CLEAR), "accuracy")
    worse, best = comparison.settings
    assert comparison.best == 1 and comparison.compared == [worse, best]
    assert best.p_value is None and worse.p_value is not None and worse.p_value < 0.01
    assert worse.figures["auroc"] is None
    assert worse.figures["accuracy"].value == pytest.approx(0.52)
    assert worse.figures["loss"] == Estimate(0.5, reason="all seeds alike")


BEST = {"accuracy": 0, "balanced_accuracy": 1, "macro_f1": 0, "loss": 1, "auroc": None}


@pytest.mark.parametrize("metric", BEST)
def test_the_best_is_that_of_the_metric(metric):
    """Of loss less is better; without a figure no setting is."""
    members = [
        outcome(place, figure, loss=loss, balanced_accuracy=1 - figure)
        for place, (figure, loss) in enumerate([(0.8, 0.9), (0.7, 0.8), (0.3, 0.2), (0.4, 0.4)])
    ]
    comparison = compare_settings(Grid({"lr": (1e-3, 1e-2)}, 2), members, metric)
    assert comparison.best == BEST[metric]


def test_a_loss_is_not_cut_at_one():
    members = [outcome(place, 0.5, loss=loss) for place, loss in enumerate((1.1, 1.2, 1.3))]
    loss = compare_settings(Grid({}, 3), members, "loss").settings[0].figures["loss"]
    assert loss.value == pytest.approx(1.2) and loss.low > 0.9 and loss.high < 1.5


def test_settings_of_which_seeds_diverged_have_no_p():
    comparison = compare_settings(GRID, outcomes(CLEAR, diverged={0, 3}), "accuracy")
    assert [setting.p_value for setting in comparison.settings] == [None, None]
    assert comparison.best == 1
