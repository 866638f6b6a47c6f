"""`jaxcovid sweep`: what it makes of its flags."""

import json

import pytest

from jaxcovid.config import Config, as_json
from jaxcovid.sweeps import run
from tests.cli.commands import call


@pytest.fixture
def swept(monkeypatch):
    """No member is trained; gives grid and metric of each sweep that would be."""
    calls = []
    monkeypatch.setattr(run, "sweep", lambda config, grid, **options: calls.append((grid, options)))
    return calls


METRICS = {
    "by default": ((), "balanced_accuracy"),
    "as asked for": (("--metric", "auroc"), "auroc"),
    "less is better": (("--metric", "loss"), "loss"),
}


@pytest.mark.parametrize("case", METRICS)
def test_the_metric(case, swept):
    flags, expected = METRICS[case]
    assert call("sweep", "--lr", 1e-3, 1e-2, "--seeds", 2, *flags) == 0
    ((grid, options),) = swept
    assert (grid.values, grid.seeds) == ({"lr": (1e-3, 1e-2)}, 2)
    assert options["metric"] == expected


@pytest.fixture
def begun(tmp_path):
    record = {**as_json(Config()), "grid": {"lr": [0.1]}, "seeds": 1, "metric": "auroc"}
    (tmp_path / "sweep.json").write_text(json.dumps(record))
    return tmp_path


def test_a_sweep_goes_on_by_its_metric(begun, swept):
    assert call("sweep", "--resume", begun) == 0
    ((_, options),) = swept
    assert options["metric"] is None


@pytest.mark.parametrize("flags", [("--metric", "auroc"), ("--seeds", 2)])
def test_a_sweep_goes_on_as_it_was(flags, begun, swept, capsys):
    assert call("sweep", "--resume", begun, *flags) == 2
    assert "--resume: goes on with the sweep as it was" in capsys.readouterr().err
    assert swept == []


def test_an_unknown_metric_is_refused(swept, capsys):
    assert call("sweep", "--metric", "f1") == 2
    printed = capsys.readouterr()
    assert "--metric" in printed.out + printed.err and swept == []
