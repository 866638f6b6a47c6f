"""What a reproduction plans to run, and with which settings."""

import pytest

from jaxcovid.assignment import settings as assignment_settings
from jaxcovid.assignment.plan import QUESTION, ReproductionSettings, planned_runs
from jaxcovid.assignment.presets import PRESETS
from jaxcovid.config_problems import problems


def test_every_preset_is_planned_both_ways():
    runs = planned_runs(ReproductionSettings(seeds=2))
    assert len({run.folder for run in runs}) == len(runs)
    assert [run.seed for run in runs] == sorted(run.seed for run in runs)
    assert all(problems(run.config) == [] for run in runs)
    assert all(assignment_settings.problems(run.assignment, run.config) == [] for run in runs)
    assert {run.preset for run in runs} == set(PRESETS)
    for name, preset in PRESETS.items():
        variants = {run.variant for run in runs if run.preset == name}
        assert ("as-written" in variants) == bool(preset.mistakes or preset.as_run)
    assert {name for name, _ in QUESTION.values()} <= set(PRESETS)


CONFIGS = {
    "own epochs": ({}, "question-batch-60-steps", "corrected", "epochs", 38),
    "scaled epochs": ({"epochs": 1}, "question-batch-60-steps", "corrected", "epochs", 8),
    "given epochs": ({"epochs": 2}, "part2-vgg16-bce", "corrected", "epochs", 2),
    "views": ({"views": 3}, "part1-vgg16-fc-1", "corrected", "views", 3),
    "no views as written": ({"views": 3}, "part1-vgg16-fc-1", "as-written", "views", 0),
    "no views of all": ({"views": 3}, "part1-vgg16-all", "corrected", "views", 0),
    "weights": ({"weights": "none"}, "part1-vgg16-all", "corrected", "weights", "none"),
    "own weights": ({"weights_vgg16": "a.pth"}, "part1-vgg16-all", "corrected", "weights", "a.pth"),
    "other weights": ({"weights_vgg16": "a.pth"}, "part1-resnet18-fc-1", "corrected", "weights", "imagenet"),
    "merge": ({"part1": "a", "merge": ("x=y",)}, "part1-vgg16-all", "corrected", "merge", ("x=y",)),
    "phantoms": ({}, "part1-vgg16-all", "corrected", "merge", ("infected=ground_glass+lobar", "normal=clear")),
    "no merge in part 2": ({"part1": "a", "part2": "b", "merge": ("x=y",)}, "part2-vgg16-bce", "corrected", "merge", ()),
}  # fmt: skip


@pytest.mark.parametrize("case", CONFIGS)
def test_flags_become_settings(case):
    flags, name, variant, field, expected = CONFIGS[case]
    (config,) = (
        run.config
        for run in planned_runs(ReproductionSettings(seeds=1, **flags))
        if (run.preset, run.variant) == (name, variant)
    )
    assert getattr(config, field) == expected


def test_one_part_alone():
    runs = planned_runs(ReproductionSettings(part2="x"))
    assert {PRESETS[run.preset].part for run in runs} == {2}
