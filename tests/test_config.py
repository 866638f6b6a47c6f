"""The settings of a run: their groups, what is refused, and how they are written and read."""

import dataclasses
import json
from pathlib import Path

import pytest

from jaxcovid import config as configuration
from jaxcovid.config import (
    INCIDENTAL,
    Config,
    DataSettings,
    MachineSettings,
    MeasuringSettings,
    NetworkSettings,
    TableSettings,
    TrainingSettings,
    as_json,
    stored,
)
from jaxcovid.errors import InputError

GROUPS = (
    DataSettings, TableSettings, NetworkSettings, TrainingSettings, MeasuringSettings,
    MachineSettings,
)  # fmt: skip


def names(kind):
    return [field.name for field in dataclasses.fields(kind)]


def test_every_setting_is_of_one_group():
    assert names(Config) == [name for group in GROUPS for name in names(group)]
    assert set(INCIDENTAL) <= set(names(Config))


@pytest.mark.parametrize("data", [None, "xrays", ("xrays", "more.csv"), ()])
def test_settings_are_read_as_they_were_written(tmp_path, data):
    before = Config(
        model="vgg16", head=(8, 4), focal_alpha=(1.0, 0.5), merge=("a=b+c",), patients=(Path("p.csv"),),
        memory_budget=2, output=Path("elsewhere"), num_processes=2, process_id=1, coordinator="h:1",
        data=data, source=("here",), crop_area=(0.5, 1.0),
    )  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(as_json(before)))
    alone = {"num_processes": None, "process_id": None, "coordinator": None}
    expected = dataclasses.replace(before, output=tmp_path, resume=tmp_path, **alone)
    assert stored(tmp_path) == expected


def test_a_run_of_before_the_groups_is_read(tmp_path):
    """Its record has settings of the assignment between the others, and lacks later ones."""
    record = {"model": "vgg16", "habits": ["last_batch_f1"], "preset": "x", "as_written": True, "lr": 0.5}  # fmt: skip
    (tmp_path / "sweep.json").write_text(json.dumps(record))
    expected = Config(
        model="vgg16", lr=0.5, output=tmp_path, resume=tmp_path, stored_side=320,
        feature_precision="by_memory", select="last",
    )  # fmt: skip
    assert stored(tmp_path, "sweep.json") == expected


DAMAGED = {
    "no file": (None, "is not a run's folder (config.json: No such file"),
    "no JSON": ("{", "config.json is damaged"),
    "no object": ("[]", "config.json is damaged (expected names with values, found a list)"),
    "no list": ('{"head": 3}', "config.json is damaged (unfit value of head)"),
    "unfit values": ('{"head": [8], "lr": "x", "epochs": true}', "damaged (unfit value of epochs, lr)"),
    "unfit elements": ('{"head": ["x"]}', "damaged (unfit value of head)"),
    "unknown choice": ('{"model": "resnet50"}', "damaged (unfit value of model)"),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGED)
def test_what_is_no_record_is_refused(case, tmp_path):
    content, expected = DAMAGED[case]
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(InputError) as error:
        stored(tmp_path)
    (problem,) = error.value.problems
    assert problem.startswith("`resume`: ") and expected in problem


def test_it_loads_no_jax():
    """So that --help answers at once."""
    import subprocess
    import sys

    code = f"import sys, {configuration.__name__}; print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
