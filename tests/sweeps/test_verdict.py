"""What is said of a sweep: it claims no more than its table, and praises no constant answer."""

import pytest

from jaxcovid.sweeps.comparison import compare_settings
from jaxcovid.sweeps.grid import Grid
from jaxcovid.sweeps.verdict import cautions, notes, sweep_verdict
from tests.sweeps.made_up import CLEAR, CLOSE, GRID, IMAGES, RECORD, outcome, outcomes

ONE_SEED = Grid({"lr": (1e-3, 1e-2)})
MANY = Grid({"lr": (1e-4, 1e-3, 1e-2, 1e-1, 1.0)}, 2)
APART = [0.10, 0.11, 0.60, 0.61, 0.61, 0.62, 0.10, 0.12, 0.09, 0.11]

# A grid, its members, and the verdict by balanced accuracy.
VERDICTS = {
    "clear": (
        GRID, outcomes(CLEAR),
        "By balanced accuracy on the validation images, lr 0.01 is the best of 2 settings: 0.920 on "
        "average over 3 seeds (95 % interval 0.877 to 0.963); always saying “normal” gets 0.500. "
        "It is clearly better than the other.",
    ),
    "close": (
        GRID, outcomes(CLOSE),
        "By balanced accuracy on the validation images, lr 0.01 is the best of 2 settings: 0.560 on "
        "average over 3 seeds (95 % interval 0.405 to 0.715); always saying “normal” gets 0.500. "
        "It is not clearly better than the other.",
    ),
    "one seed": (
        ONE_SEED, outcomes(CLEAR[2:4]),
        "By balanced accuracy on the validation images, lr 0.01 is the best of 2 settings: 0.900 "
        "with one seed; always saying “normal” gets 0.500. How sure that is cannot be said.",
    ),
    "one setting": (
        Grid({}, 2), outcomes([0.5, 0.6]),
        "On the validation images the one setting has this balanced accuracy: 0.550 on average over "
        "2 seeds (no interval: seeds too far apart); always saying “normal” gets 0.500.",
    ),
    "all diverged": (
        GRID, outcomes(CLEAR, range(6)),
        "Every member diverged; lower `lr` or add `warmup_epochs`.",
    ),
    # A seed that diverged counts against its setting.
    "some diverged": (
        GRID, outcomes(CLEAR, {5}),
        "On the validation images lr 0.001 has this balanced accuracy: 0.520 on average over 3 seeds "
        "(95 % interval 0.470 to 0.570); always saying “normal” gets 0.500. "
        "Not compared: lr 0.01 (a seed diverged).",
    ),
    "no better than the majority": (
        GRID, outcomes([0.4, 0.4, 0.4, 0.5, 0.5, 0.5]),
        "By balanced accuracy on the validation images, lr 0.01 is the best of 2 settings: 0.500 on "
        "average over 3 seeds (no interval: all seeds alike); always saying “normal” gets 0.500, so "
        "nothing is gained over that. How sure that is cannot be said.",
    ),
    "all say one class": (
        GRID, outcomes([0.45] * 6, constant=range(6)),
        "Nothing was learned: every member that did not diverge answers one class for all "
        "validation images (“normal”).",
    ),
    "a high one says one class": (
        GRID, outcomes(CLEAR, constant=(3, 4, 5)),
        "On the validation images lr 0.001 has this balanced accuracy: 0.520 on average over 3 seeds "
        "(95 % interval 0.470 to 0.570); always saying “normal” gets 0.500. "
        "Not compared: lr 0.01 (answers one class only, “normal”).",
    ),
    "a seed of the best says one class": (
        GRID, outcomes(CLEAR, constant=(3,)),
        "By balanced accuracy on the validation images, lr 0.01 is the best of 2 settings: 0.920 on "
        "average over 3 seeds (95 % interval 0.877 to 0.963); always saying “normal” gets 0.500. "
        "It is clearly better than the other. But 1 of its 3 seeds answered one class for all "
        "validation images (“normal”).",
    ),
    "better than some": (
        MANY, outcomes(APART),
        "By balanced accuracy on the validation images, lr 0.01 is the best of 5 settings: 0.615 on "
        "average over 2 seeds (95 % interval 0.551 to 0.679); always saying “normal” gets 0.500. "
        "It is clearly better than 3 of the 4 others.",
    ),
    "many left out": (
        MANY, outcomes(APART, diverged=(0, 1, 6), constant=(2, 3, 8, 9)),
        "On the validation images lr 0.01 has this balanced accuracy: 0.615 on average over 2 seeds "
        "(95 % interval 0.551 to 0.679); always saying “normal” gets 0.500. Not compared are 4 "
        "settings (diverged: 1, one class only: 2, a seed diverged: 1).",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", VERDICTS)
def test_the_verdict(case):
    grid, members, expected = VERDICTS[case]
    assert sweep_verdict(compare_settings(grid, members, "balanced_accuracy"), IMAGES) == expected


# How the verdict by another figure goes on after the setting and its interval.
BY_METRIC = {
    "accuracy": "always saying “normal” gets 0.700, so nothing is gained over that.",
    "macro_f1": "always saying “normal” gets 0.412. ",
    "loss": "its balanced accuracy is 0.520, and always saying “normal” gets 0.500. ",
}


@pytest.mark.parametrize("metric", BY_METRIC)
def test_beside_the_majority_by_the_same_figure(metric):
    members = [outcome(place, figure, loss=figure) for place, figure in enumerate(CLEAR)]
    if metric == "accuracy":
        members = outcomes(CLOSE)
    said = sweep_verdict(compare_settings(GRID, members, metric), IMAGES)
    assert BY_METRIC[metric] in said
    assert ("lower is better" in said) == (metric == "loss")


def test_notes_say_what_is_left_out():
    alike = compare_settings(GRID, outcomes([0.5] * 6), "accuracy")
    said = " ".join(notes(alike, GRID, shared_views=True))
    for text in ("other patients", "same augmented views", "“all seeds alike”", "at most 5 %"):
        assert text in said
    other = " ".join(notes(compare_settings(GRID, outcomes(CLEAR), "loss"), GRID, False))
    assert "augmented" not in other and "too far apart" not in other
    (one,) = notes(compare_settings(ONE_SEED, outcomes(CLEAR[2:4]), "loss"), ONE_SEED, True)
    assert one.startswith("One seed tells nothing")


def test_cautions_name_members():
    members = outcomes(CLEAR, diverged=(1,), constant=(0, 2))
    said = " ".join(cautions(compare_settings(GRID, members, "accuracy"), members, RECORD))
    assert "2 member(s) answer one class for all validation images: 0, 2" in said
    assert "1 member(s) diverged and count in no mean: 1" in said
    assert "best of 6 members was chosen on the validation images" in said
