"""The tables of the reproduction, from made-up runs."""

import pytest

from jaxcovid.assignment import tables
from jaxcovid.assignment.preset import Reported
from jaxcovid.assignment.tables import accuracy_of_matrix, macro_f1, percent, summed_confusion
from tests.assignment.reproductions import REPORTED, experiment


def test_figures_of_a_printed_matrix():
    assert accuracy_of_matrix(REPORTED.confusion).value == pytest.approx(1273 / 1500)
    assert macro_f1(REPORTED.confusion) == pytest.approx(REPORTED.f1, abs=5e-5)
    assert macro_f1(((0, 615), (0, 885))) == pytest.approx(0.3711, abs=5e-5)


def test_reported_figures_stand_beside_the_measured_ones(tmp_path):
    one = experiment(tmp_path, corrected=(45, 47), written=(30,))
    (row,) = tables.accuracy([one])["rows"]
    name, reported, as_written, corrected = row
    assert name["value"] == "part1-x"
    assert reported["value"] == "84 %" and reported["lines"][0] == "its matrix gives 84.9 %"
    assert as_written["value"] == "75.0 %"
    assert corrected["value"] == "91.0 %"  # of 90 and 92
    (row,) = tables.f1([one])["rows"]
    assert row[1]["value"] == "0.8438"
    assert row[2]["lines"][0] == "as the original computes it: 0.4321"


def test_other_figures_stand_beside_accuracy(tmp_path):
    one = experiment(tmp_path, corrected=(45, 47), written=(30,))
    (row,) = tables.balanced_accuracy([one])["rows"]
    # 504 of 615 infected and 769 of 885 normal images.
    assert row[1] == "84.4 %" and row[2]["value"] == "75.0 %" and row[3]["value"] == "91.0 %"
    (row,) = tables.auroc([one])["rows"]
    assert row[1] == "—" and row[3]["value"] == "0.750"


def test_there_is_no_interval_without_spread(tmp_path):
    one = experiment(tmp_path, corrected=(45, 45), written=(0, 0), normal=(0, 50))
    (row,) = tables.accuracy([one])["rows"]
    assert row[2]["lines"] == [
        "seeds: no interval (all seeds alike)", "images: 45.0 % to 55.0 %", "2 answer “normal” only"
    ]  # fmt: skip
    (row,) = tables.f1([one])["rows"]
    assert row[3]["lines"][1] == "images: no interval (it was not asked for)"
    constant = ((0, 615), (0, 885))
    (row,) = tables.accuracy([experiment(tmp_path, reported=Reported(0.59, 0.37, constant))])[
        "rows"
    ]
    assert row[1]["lines"][-1] == "answers “normal” only"


def test_what_diverged_or_is_to_come_is_counted(tmp_path):
    one = experiment(tmp_path, corrected=(45, None), written=("", ""))
    (row,) = tables.accuracy([one])["rows"]
    assert row[2]["lines"] == ["2 of 2 diverged"]
    assert row[3]["lines"][-1] == "1 of 2 not finished"
    states = [row[1] for row in tables.all_runs([one])["rows"]]
    assert [state.split(":")[0] for state in states] == [
        "diverged", "diverged", "finished, validation", "not finished"
    ]  # fmt: skip


def test_without_reported_figures_the_cell_is_empty(tmp_path):
    one = experiment(tmp_path, corrected=(45,), reported=None)
    (row,) = tables.accuracy([one])["rows"]
    assert row[1] == "—" and row[2]["value"] == "—"


def test_confusions_of_seeds_add_up(tmp_path):
    one = experiment(tmp_path, corrected=(45, 40))
    assert summed_confusion(one.runs("corrected")) == [[85, 15], [10, 90]]


def test_percent():
    assert percent(0.8432) == "84.3 %"
