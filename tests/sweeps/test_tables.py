"""The tables of a sweep, from made-up members."""

import pytest

from jaxcovid.sweeps.comparison import compare_settings
from jaxcovid.sweeps.tables import member_rows, on_terminal, settings_rows, settings_table
from tests.sweeps.made_up import CLEAR, GRID, outcome, outcomes


def compared(*members, **options):
    return compare_settings(GRID, outcomes(*members, **options), "balanced_accuracy")


def test_settings_with_intervals_and_p():
    table = settings_table(compared(CLEAR))
    worse, best = table["rows"]
    assert table["header"][3:] == [
        "accuracy", "balanced accuracy", "macro F1", "macro AUROC", "loss", "p against the best"
    ]  # fmt: skip
    assert table["caption"].startswith("Judged by balanced accuracy.")
    assert best[:4] == ["lr 0.01", 3, 0, {"value": "0.920", "interval": "0.877 to 0.963"}]
    assert best[6] == {"value": "—", "interval": ""} and best[-1] == "best"
    assert worse[-1] == "< 0.001"


# Instead of an interval of a point, or of all that is possible; and in place of p.
INSTEAD = {
    "alike": (compared([0.45] * 3 + CLEAR[3:]), "all seeds alike", "< 0.001"),
    "far apart": (compared([0.0, 1.0, 0.2, *CLEAR[3:]]), "seeds too far apart", "0.224"),
    "alike to the digits shown": (
        compared([0.45, 0.45001, 0.45, *CLEAR[3:]]), "alike to the digits shown", "< 0.001",
    ),
    "one class": (compared([0.45] * 3 + CLEAR[3:], constant=(0, 1, 2)), "all seeds alike", "one class only"),
    "diverged": (compared(CLEAR, diverged=(0,)), "0.403 to 0.657", "a seed diverged"),
}  # fmt: skip


@pytest.mark.parametrize("case", INSTEAD)
def test_why_there_is_no_interval_and_no_p(case):
    comparison, interval, p_value = INSTEAD[case]
    worse, _ = settings_table(comparison)["rows"]
    assert (worse[3]["interval"], worse[-1]) == (interval, p_value)
    assert f"({interval})" in on_terminal(comparison)[1]


def test_settings_in_csv_are_empty_where_something_is_missing():
    header, (alike, best) = settings_rows(compared([0.45] * 3 + CLEAR[3:]).settings)
    row = dict(zip(header, alike, strict=True))
    assert (row["accuracy"], row["accuracy_low"], row["accuracy_high"]) == (0.45, "", "")
    assert (row["auroc"], row["auroc_low"], row["loss"], row["loss_high"]) == ("", "", 0.5, "")
    assert dict(zip(header, best, strict=True))["p_against_best"] == ""


def test_members_in_csv():
    members = outcomes(CLEAR, diverged=(0,), constant=(1,))
    members[2] = outcome(2, 0.5, answers=None)
    header, rows = member_rows(compare_settings(GRID, members, "accuracy").settings, seed=7)
    assert header[:5] == ["member", "lr", "seed", "diverged_in_epoch", "validation_loss"]
    lines = [dict(zip(header, row, strict=True)) for row in rows]
    assert [line["seed"] for line in lines] == [7, 8, 9, 7, 8, 9]
    assert [line["classes_answered"] for line in lines] == ["", 1, "", 2, 2, 2]
    assert [line["measured_epoch"] for line in lines][:2] == ["", members[1].history[-1].epoch]
    assert [line["validation_loss"] for line in lines[:2]] == ["", 0.5]
