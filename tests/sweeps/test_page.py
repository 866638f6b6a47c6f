"""What a sweep leaves, from made-up members."""

import pytest

from jaxcovid.sweeps.page import write_sweep_page
from tests.sweeps.made_up import CLEAR, GRID, RECORD, outcomes


@pytest.mark.parametrize("diverged", [(), (0, 1, 2, 3, 4, 5)])
def test_the_page_holds_every_member(diverged, tmp_path, undrawn):
    write_sweep_page(tmp_path, GRID, outcomes(CLEAR, diverged), RECORD)
    page = (tmp_path / "report.html").read_text()
    assert "&lt;xrays&gt;" in page and "<b>weights" not in page
    assert ("best/report.html" in page) == (not diverged)
    assert (tmp_path / "members.csv").read_text().count("\n") == 7
    assert (tmp_path / "settings.csv").read_text().count("\n") == 3
    assert (tmp_path / "histories.csv").read_text().count("\n") == 7


@pytest.mark.parametrize("metric", ["balanced_accuracy", "loss"])
def test_the_page_is_by_the_metric(metric, tmp_path):
    words = metric.replace("_", " ")
    printed = write_sweep_page(tmp_path, GRID, outcomes(CLEAR), {**RECORD, "metric": metric})
    page = (tmp_path / "report.html").read_text().replace("\N{NO-BREAK SPACE}", " ")
    verdict = next(line for line in printed.splitlines() if line.startswith(f"By {words}"))
    assert verdict in page and f"Judged by {words}" in page
    assert f"Validation {words} against each setting" in page
    assert f'aria-label="Mean validation {words} by lr: 0.001 0.5' in page
    assert [path.name for path in (tmp_path / "plots").iterdir()] == [f"{metric}_by_lr.png"]
