"""The seed solution's experiments: the figures that it prints and the mistakes behind them."""

import numpy as np
import pytest

from jaxcovid.assignment import settings as assignment_settings
from jaxcovid.assignment.mistakes import MISTAKES
from jaxcovid.assignment.presets import config
from jaxcovid.assignment.seed_presets import SEED
from jaxcovid.config_problems import problems

# Where the printed F1 is that of the matrix: all images were one batch.
WHOLE = {"part1-resnet18-fc-1", "part1-resnet18-fc-2"}


@pytest.mark.parametrize("name", SEED)
def test_the_printed_f1_is_that_of_the_matrix_or_of_a_batch(name):
    matrix = np.array(SEED[name].reported.confusion)
    macro_f1 = np.mean(2 * np.diag(matrix) / (matrix.sum(0) + matrix.sum(1)))
    assert (round(macro_f1, 4) == SEED[name].reported.f1) == (name in WHOLE)
    assert (SEED[name].as_run["eval_batch_size"] == 1500) == (name in WHOLE)
    assert "last_batch_f1" in SEED[name].mistakes


@pytest.mark.parametrize("name", SEED)
def test_as_written_turns_on_the_mistakes_of_the_original(name):
    (settings, assignment), preset = config(name, as_written=True), SEED[name]
    assert problems(settings) == assignment_settings.problems(assignment, settings) == []
    assert assignment.as_written
    assert assignment.habits == preset.mistakes and set(preset.mistakes) <= set(MISTAKES)
    assert ("train_mode_evaluation" in preset.mistakes) == (
        settings.model == "resnet18" or settings.dropout > 0
    )
    for name_of_setting, value in preset.as_run.items():
        assert getattr(settings, name_of_setting) == value
        assert getattr(config(name)[0], name_of_setting) != value
