"""The tables and the words of a sweep, from made-up members."""

import pytest

from jaxcovid.config import Config, as_json
from jaxcovid.results import Epoch
from jaxcovid.sweeps.grid import Grid
from jaxcovid.sweeps.outcome import Outcome
from jaxcovid.sweeps.page import best_setting, compare_settings, sweep_verdict, write_sweep_page


def outcome(place, accuracy, diverged=0, loss=0.5):
    row = Epoch(1, 4, 0.1, 0.6, 0.7, loss, accuracy, 1.0, 10.0)
    figures = {
        "accuracy": accuracy, "balanced_accuracy": accuracy, "macro_f1": accuracy, "auroc": None
    }  # fmt: skip
    return Outcome(place, diverged, (row,), {} if diverged else {"validation": figures})


GRID = Grid({"lr": (1e-3, 1e-2)}, 3)
CLEAR = [0.50, 0.52, 0.54, 0.90, 0.93, 0.93]
CLOSE = [0.50, 0.60, 0.55, 0.54, 0.51, 0.63]


def outcomes(accuracies, diverged=()):
    return [
        outcome(place, accuracy, int(place in diverged))
        for place, accuracy in enumerate(accuracies)
    ]


VERDICTS = {
    "clear": (GRID, outcomes(CLEAR), "lr 0.01 classifies 92.0 % (95 % interval 87.7 to 96.3 %)"),
    "clearly more": (GRID, outcomes(CLEAR), "the most of 2 settings, clearly more than any other"),
    "close": (GRID, outcomes(CLOSE), "the most of 2 settings, but not clearly more than any other"),
    "one seed": (Grid({"lr": (1e-3, 1e-2)}), outcomes(CLEAR[2:4]), "how sure that is cannot be said"),
    "one setting": (Grid({}, 2), outcomes([0.5, 0.6]), "the one setting classifies 55.0 %"),
    "all diverged": (GRID, outcomes(CLEAR, range(6)), "Every member diverged"),
    # A seed that diverged counts against its setting.
    "some diverged": (GRID, outcomes(CLEAR, {5}), "lr 0.001 classifies 52.0 %"),
}  # fmt: skip


@pytest.mark.parametrize("case", VERDICTS)
def test_the_verdict(case):
    grid, members, expected = VERDICTS[case]
    assert expected in sweep_verdict(compare_settings(grid, members))


def test_settings_are_compared_with_the_best():
    worse, best = compare_settings(GRID, outcomes(CLEAR))
    assert best_setting([worse, best]) is best
    assert best.p_value is None and worse.p_value < 0.01
    assert worse.figures["auroc"] is None
    assert worse.figures["accuracy"].value == pytest.approx(0.52)


@pytest.mark.parametrize("diverged", [(), (0, 1, 2, 3, 4, 5)])
def test_the_page_holds_every_member(diverged, tmp_path, undrawn):
    record = as_json(Config()) | {
        "dataset": {"name": "<xrays>"}, "warnings": ["random <b>weights</b>"],
    }  # fmt: skip
    write_sweep_page(tmp_path, GRID, outcomes(CLEAR, diverged), record)
    page = (tmp_path / "report.html").read_text()
    assert "&lt;xrays&gt;" in page and "<b>weights" not in page
    assert ("best/report.html" in page) == (not diverged)
    assert (tmp_path / "members.csv").read_text().count("\n") == 7
    assert (tmp_path / "settings.csv").read_text().count("\n") == 3
    assert (tmp_path / "histories.csv").read_text().count("\n") == 7
