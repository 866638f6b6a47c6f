"""The assignment's own settings: which do not fit a run, and how they are read again."""

import json

import pytest

from jaxcovid.assignment.settings import AssignmentSettings, problems, stored
from jaxcovid.config import Config
from jaxcovid.errors import InputError

REFUSED = {
    "covid_and_normal": ({}, "`multilabel`"),
    "sigmoid_twice": ({}, "`loss=bce` or focal"),
    "batch_mean_focal": ({"loss": "focal", "focal_alpha": (1.0, 2.0)}, "one `focal_alpha`"),
    "train_mode_evaluation": ({"views": 2}, "`views=0`"),
    "f1_not_reset": ({}, "summed_batch_f1 beside it"),
    "moved_statistics": ({"batch_norm": "batch"}, "train_mode_evaluation beside it"),
    "subset_accuracy": ({}, "`loss=bce` or focal"),
    "micro_precision": ({}, "`loss=bce` or focal"),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_a_mistake_that_cannot_be_is_refused(mistake):
    options, needed = REFUSED[mistake]
    (problem,) = problems(AssignmentSettings((mistake,)), Config(**options))
    assert problem.startswith(f"`habits={mistake}`: needs ") and needed in problem


ALTERNATIVES = {
    "f1": ("last_batch_f1", "summed_batch_f1"),
    "accuracy of the curves": ("subset_accuracy", "micro_precision"),
}


@pytest.mark.parametrize("case", ALTERNATIVES)
def test_there_is_one_of_a_kind_as_written(case):
    first, second = ALTERNATIVES[case]
    (problem,) = problems(AssignmentSettings((first, second)), Config(loss="bce"))
    assert problem.startswith(f"`habits={second}`: needs ")
    assert problem.endswith(f"no {first} beside it")


def test_frozen_statistics_do_not_move():
    made = AssignmentSettings(("train_mode_evaluation", "moved_statistics"))
    (problem,) = problems(made, Config())
    assert "`batch_norm=batch`" in problem and not problems(made, Config(batch_norm="batch"))


def test_a_network_without_running_statistics_cannot_move_them():
    made = AssignmentSettings(("train_mode_evaluation", "moved_statistics"))
    (problem,) = problems(made, Config(model="vgg16", batch_norm="batch"))
    assert problem.endswith("a network with batch norm")


def test_as_written_needs_a_preset():
    (problem,) = problems(AssignmentSettings(as_written=True), Config())
    assert problem.startswith("`as_written`: give `preset`")


def test_without_anything_nothing_is_wrong():
    """What the flags are by default."""
    assert AssignmentSettings() == AssignmentSettings((), False, None)
    assert problems(AssignmentSettings(), Config()) == []


RECORDS = {
    "before there were any": ({"lr": 0.5}, AssignmentSettings()),
    "of all": (
        {"habits": ["last_batch_f1"], "as_written": True, "preset": "x", "lr": 0.5},
        AssignmentSettings(("last_batch_f1",), True, "x"),
    ),
}


@pytest.mark.parametrize("case", RECORDS)
def test_those_of_an_earlier_run_are_read(case, tmp_path):
    record, expected = RECORDS[case]
    (tmp_path / "config.json").write_text(json.dumps(record))
    assert stored(tmp_path) == expected


def test_what_is_no_mistake_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"habits": ["x"]}')
    with pytest.raises(InputError, match=r"`resume`: .*damaged .unfit value of habits"):
        stored(tmp_path)
