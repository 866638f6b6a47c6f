"""What became of runs, as read from their folders."""

import pytest

from jaxcovid.assignment.finished_runs import DIVERGED, is_finished, read_outcome
from jaxcovid.errors import InputError
from tests.assignment.reproductions import write_run


def test_a_finished_run_is_read_whole(tmp_path):
    write_run(tmp_path / "run", ((3, 1), (2, 4)))
    outcome = read_outcome(tmp_path, "run", "corrected", 7, "validation")
    assert (outcome.variant, outcome.seed, outcome.folder, outcome.diverged) == (
        "corrected", 7, "run", ""
    )  # fmt: skip
    run = outcome.run
    assert run.seed == 7 and run.split == "validation" and run.classes == ("infected", "normal")
    assert run.correct.tolist() == [True] * 3 + [False] * 3 + [True] * 4
    assert run.metrics["accuracy"] == pytest.approx(0.7)
    assert [row["step"] for row in run.history] == [8, 16, 24]


def test_a_split_that_the_run_has_not_is_validation(tmp_path):
    write_run(tmp_path / "run", ((1, 0), (0, 1)))
    outcome = read_outcome(tmp_path, "run", "corrected", 0, "test")
    assert outcome.run.split == "validation"


STATES = {
    "nothing": ((), False, ""),
    "begun": (("config.json",), False, ""),
    "diverged": (("config.json", DIVERGED), True, "NaN at step 3"),
}


@pytest.mark.parametrize("case", STATES)
def test_what_is_not_finished_or_diverged(case, tmp_path):
    files, finished, diverged = STATES[case]
    (tmp_path / "run").mkdir()
    for name in files:
        (tmp_path / "run" / name).write_text("NaN at step 3\n")
    assert is_finished(tmp_path / "run") == finished
    outcome = read_outcome(tmp_path, "run", "corrected", 0, "validation")
    assert outcome.run is None and outcome.diverged == diverged


DAMAGE = {
    "no JSON": ("metrics.json", "{"),
    "no metrics": ("metrics.json", "{}"),
    "no number": ("history.csv", "epoch,step\n1,x\n"),
    "no column": ("predictions.csv", "path\na.png\n"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_run_is_told(case, tmp_path):
    name, content = DAMAGE[case]
    write_run(tmp_path / "run", ((1, 0), (0, 1)))
    (tmp_path / "run" / name).write_text(content)
    with pytest.raises(InputError, match=f"{name} is damaged .*; delete .* to run it again"):
        read_outcome(tmp_path, "run", "corrected", 0, "validation")


def test_a_run_without_a_file_is_told(tmp_path):
    write_run(tmp_path / "run", ((1, 0), (0, 1)))
    (tmp_path / "run" / "history.csv").unlink()
    with pytest.raises(InputError, match=r"history\.csv: No such file"):
        read_outcome(tmp_path, "run", "corrected", 0, "validation")
