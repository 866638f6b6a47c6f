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
    of_part = {1: "last_batch_f1", 2: "summed_batch_f1"}[SEED[name].part]
    assert {"last_batch_f1", "summed_batch_f1"} & set(SEED[name].mistakes) == {of_part}


def attainable(images):
    """Macro-F1 of two classes, to four digits, that answers for so many images can have."""
    figures = {1.0}  # scikit-learn's of one class alone, all right
    for true in range(images + 1):
        for right in range(true + 1):
            for wrong in range(images - true + 1):
                other = images - true - wrong
                of_classes = [
                    2 * hits / total if (total := 2 * hits + (true - right) + wrong) else 0.0
                    for hits in (right, other)
                ]
                figures.add(round(sum(of_classes) / 2, 4))
    return figures


OF_BATCHES = {  # images in the last batch of 1,500, by the batches that are evaluated
    "part1-vgg16-fc-1": 60,
    "part1-vgg16-fc-2": 16,
    "part1-vgg16-last-conv": 16,
    "part1-vgg16-all": 16,
    "part1-resnet18-last-conv": 8,
}


@pytest.mark.parametrize("name", OF_BATCHES)
def test_a_last_batch_can_have_the_printed_f1(name):
    size = OF_BATCHES[name]
    assert SEED[name].as_run["eval_batch_size"] == size
    last = 1500 % size or size
    assert SEED[name].reported.f1 in attainable(last)
    if "vgg16" in name:  # four images, as batches of 8 leave them, cannot have it
        assert SEED[name].reported.f1 not in attainable(4)


PARTS_THAT_TRAIN = {  # as meant, and as written
    "part2-vgg16-bce": ("all", "head"),
    "part2-vgg16-focal": ("all", "head"),
    "part2-resnet18-bce": ("all", "all"),
    "part2-resnet18-focal": ("all", "all"),
}


@pytest.mark.parametrize("name", PARTS_THAT_TRAIN)
def test_what_part_2_trains(name):
    both = [config(name, as_written)[0].trainable for as_written in (False, True)]
    assert tuple(both) == PARTS_THAT_TRAIN[name]


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
