"""The presets beside the seed's: the task sheet's ladder, sisters, the question about batch 60."""

import dataclasses
import math

import pytest

from jaxcovid.assignment.further_presets import ASKED, LADDER, QUESTION, SISTERS
from jaxcovid.assignment.presets import config

# What differs from batch 8, and how many updates it makes of 12,000 images.
ASKS = {
    "question-batch-60": ({"batch_size": 60}, 1000),
    "question-batch-60-lr": ({"batch_size": 60, "lr": 7.5e-4}, 1000),
    "question-batch-60-steps": ({"batch_size": 60, "epochs": 38}, 7600),
}


@pytest.mark.parametrize("name", QUESTION)
def test_the_question_about_batch_60_changes_one_thing_at_a_time(name):
    differing, updates = ASKS[name]
    before, now = (dataclasses.asdict(config(preset)[0]) for preset in (ASKED, name))
    aside = {"weights_file": None}
    assert {key: now[key] for key in now if now[key] != before[key]} == aside | {
        key: pytest.approx(value) for key, value in differing.items()
    }
    assert config(name)[1] == dataclasses.replace(config(ASKED)[1], preset=name)
    assert math.ceil(12_000 / now["batch_size"]) * now["epochs"] == updates
    assert math.ceil(12_000 / before["batch_size"]) * before["epochs"] == 7500


def test_the_question_as_written_has_the_mistakes_of_batch_8():
    before, before_assignment = config(ASKED, as_written=True)
    now, assignment = config("question-batch-60", as_written=True)
    assert now == dataclasses.replace(before, weights_file=None, batch_size=60)
    assert assignment == dataclasses.replace(before_assignment, preset="question-batch-60")


# Where the printed F1 is that of the matrix: all images were one batch.


def test_the_ladder_has_four_rungs_for_each_network():
    chosen = {
        (preset.settings["model"], preset.settings["trainable"]) for preset in LADDER.values()
    }
    rungs = ("head", "last_conv", "last_block", "all")
    assert chosen == {(model, rung) for model in ("vgg16", "resnet18") for rung in rungs}


def test_sisters_are_reported_and_make_no_mistakes():
    for preset in SISTERS.values():
        assert preset.reported is not None and preset.source == "sister"
        assert not preset.mistakes and not preset.as_run
