"""Networks that train together, where one of them goes wrong or its writing is cut short."""

import pytest

from jaxcovid.config import stored
from jaxcovid.errors import DivergedError, InputError, Interrupted
from jaxcovid.sweeps import ensemble_together
from jaxcovid.sweeps.ensemble import train_ensemble
from tests import small_runs
from tests.small_runs import noise_folder

pytestmark = pytest.mark.system


@pytest.fixture
def settings(tmp_path):
    data = noise_folder(tmp_path / "data", 6, 2)
    return lambda name="run", **changed: small_runs.config(
        data, tmp_path / name, trainable="head", views=1, select="last", **changed
    )


KINDS = {"folds": ({"folds": 2}, "fold-1"), "seeds": ({"seeds": 2}, "seed-0")}


@pytest.mark.parametrize("kind, first", KINDS.values(), ids=KINDS)
def test_networks_that_diverge_end_the_run_and_leave_no_half_of_one(
    kind, first, settings, tmp_path
):
    with pytest.raises(DivergedError, match=rf"{first} diverged in epoch 1 .* lower `lr`"):
        train_ensemble(settings(**kind, lr=3e38))
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert left - {"folds.csv"} == {"checkpoints", "config.json"}


def test_none_is_written_where_a_later_one_diverges(settings, tmp_path, monkeypatch):
    train_chunk = ensemble_together.train_chunk

    def second_fails(*inputs):
        underway = train_chunk(*inputs)
        return underway._replace(diverged=(0, 2))

    monkeypatch.setattr(ensemble_together, "train_chunk", second_fails)
    with pytest.raises(DivergedError, match="seed-1 diverged in epoch 2"):
        train_ensemble(settings(seeds=2))
    assert not (tmp_path / "run" / "seed-0").exists()


def test_writing_that_is_cut_short_is_gone_on_with(settings, tmp_path, monkeypatch):
    write, written = ensemble_together.write_brief_run, []

    def cut_short(task, *others):
        if len(written) == 1:
            raise KeyboardInterrupt
        written.append(task.config.output.name)
        write(task, *others)

    with small_runs.blank_charts():
        with monkeypatch.context() as patch:
            patch.setattr(ensemble_together, "write_brief_run", cut_short)
            with pytest.raises(Interrupted):
                train_ensemble(settings(seeds=2))
        assert written == ["seed-0"] and not (tmp_path / "run" / "seed-1").exists()
        (tmp_path / "run" / "seed-1").mkdir()
        with pytest.raises(InputError, match=r"seed-1 is not as it was written .* move it away"):
            train_ensemble(stored(tmp_path / "run"))
        (tmp_path / "run" / "seed-1").rmdir()
        train_ensemble(stored(tmp_path / "run"))
        train_ensemble(settings("whole", seeds=2))
    for name in ("seed-0", "seed-1"):
        one, other = (tmp_path / run / name / "weights.pth" for run in ("run", "whole"))
        assert one.read_bytes() == other.read_bytes()
