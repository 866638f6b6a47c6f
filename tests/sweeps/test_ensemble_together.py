"""Folds that train together, where one of them goes wrong."""

import pytest

from jaxcovid.errors import DivergedError
from jaxcovid.sweeps.ensemble import train_ensemble
from tests import small_runs
from tests.small_runs import noise_folder

pytestmark = pytest.mark.system


def test_folds_that_diverge_end_the_run_and_leave_no_half_of_one(tmp_path):
    data = noise_folder(tmp_path / "data", 6, 2)
    config = small_runs.config(
        data, tmp_path / "run", trainable="head", folds=2, views=1, lr=3e38, select="last"
    )
    with pytest.raises(DivergedError, match=r"fold-1 diverged in epoch 1 .* lower `lr`"):
        train_ensemble(config)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "checkpoints", "config.json", "folds.csv"
    ]  # fmt: skip
