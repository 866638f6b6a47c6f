"""Every outcome of the question about batch 60 has its own answer, and claims no more."""

import numpy as np
import pytest

from jaxcovid.assignment.batch_question import (
    ARMS,
    Differences,
    Remedy,
    answer,
    arm_differences,
    points,
)
from jaxcovid.statistics.seed_statistics import Estimate

WORSE, NONE, BETTER = (Estimate(at, at - 0.05, at + 0.05) for at in (-0.2, 0.0, 0.2))
LEARNED = Estimate(0.3, 0.2, 0.4)
CURES, EASES, FAILS = Remedy(BETTER, NONE), Remedy(BETTER, WORSE), Remedy(NONE, WORSE)
HARMS, UNCLEAR = Remedy(WORSE, WORSE), Remedy(NONE, NONE)


def measured(batch, lr=None, steps=None, written=None, added=None, seeds=3, learned=LEARNED):
    return Differences(seeds, batch, lr, steps, written, added, learned)


# What was measured, and how the answer begins and goes on.
ANSWERS = {
    "nothing": (measured(None), "cannot be answered here: batch 8 and batch 60 were not"),
    "nothing was learned": (measured(WORSE, CURES, CURES, learned=NONE), "nothing to lose"),
    "both cure": (measured(WORSE, CURES, CURES), "7.5 times fewer updates of the same size: larger"),
    "both ease": (measured(WORSE, EASES, EASES), "though only in part"),
    "one cures, one eases": (measured(WORSE, CURES, EASES), "so do as many."),
    "only steps": (measured(WORSE, FAILS, CURES), "as many make up for it; that larger ones do was not shown"),
    "steps, rate not run": (measured(WORSE, None, CURES), "as many make up for it."),
    "only the rate": (measured(WORSE, CURES, UNCLEAR), "too small: larger ones make up for it; that as many"),
    "neither": (measured(WORSE, FAILS, HARMS), "the cause is another"),
    "one fails, one unclear": (measured(WORSE, FAILS, UNCLEAR), "does not tell why"),
    "no remedy was run": (measured(WORSE), "does not tell why"),
    "the opposite": (measured(BETTER), "The opposite was measured"),
    "no drop": (measured(NONE), "so no cause can be named"),
    "no drop either way": (measured(NONE, written=NONE, added=NONE), "nor is it as written"),
    "a drop as written alone": (measured(NONE, written=WORSE, added=WORSE), "it is the statistics of the batches"),
    "perhaps as written": (measured(NONE, written=WORSE, added=NONE), "too alike to be sure"),
}  # fmt: skip


@pytest.mark.parametrize("case", ANSWERS)
def test_the_answer_follows_from_what_was_measured(case):
    given, expected = ANSWERS[case]
    first, *rest = answer(given)
    assert expected in first
    assert all(each[0].isupper() and each.endswith(".") for each in (first, *rest))


def test_further_sentences():
    said = " ".join(answer(measured(WORSE, HARMS, None, WORSE, WORSE, seeds=1)))
    assert "it gets clearly worse" in said
    assert "As many updates as at batch 8: not measured." in said
    assert "change clearly worse, by 20.0 percentage points (95 % interval 15.0 to 25.0)" in said
    assert "Only one seed" in said
    assert "seed" not in " ".join(answer(measured(WORSE, HARMS)))


def test_points():
    assert points(Estimate(0.012)) == "+1.2 percentage points"
    assert points(NONE) == "+0.0 percentage points (95 % interval -5.0 to +5.0)"


def arms(**shares):
    """Arms of 200 images, so many percent of them right, the same for two seeds."""
    return {
        arm: {seed: np.arange(200) < 2 * share for seed in (0, 1)} for arm, share in shares.items()
    }


def test_differences_of_arms():
    found = arm_differences(
        arms(batch_8=90, batch_60=50, scaled_lr=90, batch_8_as_written=80, batch_60_as_written=20),
        0.6,
    )
    assert found.seeds == 2
    assert found.larger_batch is not None and found.larger_batch.value == pytest.approx(-0.4)
    assert found.larger_batch.below
    assert found.scaled_lr is not None and found.scaled_lr.gain.above
    assert found.scaled_lr.left == Estimate(0, 0, 0)
    assert found.as_many_steps is None
    assert found.added is not None and found.added.value == pytest.approx(-0.2)
    assert found.learned is not None and found.learned.value == pytest.approx(0.3)
    assert "larger ones make up for it" in answer(found)[0]


def test_without_arms_there_is_nothing():
    assert arm_differences({}, 1.0) == Differences(0)
    assert set(ARMS) == {*arms(batch_8=1), "batch_60", "scaled_lr", "as_many_steps", "batch_8_as_written", "batch_60_as_written"}  # fmt: skip
