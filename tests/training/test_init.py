import subprocess
import sys

import pytest

from jaxcovid import training


@pytest.mark.parametrize("name", training.__all__)
def test_every_name_of_the_door_is_there(name):
    assert hasattr(training, name)


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="nothing"):
        training.nothing  # noqa: B018


def test_the_step_is_had_without_checkpoints_and_readers():
    code = "import sys; from jaxcovid.training import make_train_step; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"orbax", "grain", "tensorflow_datasets"}.isdisjoint(run.stdout.split())
