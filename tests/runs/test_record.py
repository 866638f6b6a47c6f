"""What config.json says of a run and of an evaluation."""

import json
import subprocess
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxcovid.config import Config, as_json
from jaxcovid.inference.inference_model import InferenceModel
from jaxcovid.runs import record
from jaxcovid.training.parts import Parts
from tests.report import example

DATA = example.dataset({"train": 6, "test": 4}, ("covid", "normal"))._replace(
    name="xrays", ignored=("a.txt",)
)
UNKNOWN = DATA.splits["test"]._replace(labels=np.array([0, -1, -1, 1], np.int32))
DATA = DATA._replace(splits={**DATA.splits, "test": UNKNOWN})


def of_run(**options):
    return record.run_record(Config(**options), Parts(), DATA, "ImageNet", ["a warning"])


def test_a_run_s_record_holds_every_setting_and_what_it_was_made_of():
    made = of_run(lr=0.5)
    assert made["lr"] == 0.5 and set(as_json(Config())) <= set(made)
    assert made["weights_source"] == "ImageNet" and made["warnings"] == ["a warning"]
    assert made["data_fingerprint"] == DATA.fingerprint
    assert made["dataset"] == {
        "name": "xrays",
        "classes": ("covid", "normal"),
        "images": {
            "train": {"covid": 3, "normal": 3},
            "test": {"covid": 1, "normal": 1, "unlabelled": 2},
        },
        "skipped": DATA.skipped,
        "ignored": ("a.txt",),
        "notes": (),
    }
    assert made["disclaimer"] == "Not for clinical use."


def test_a_record_says_where_it_was_made():
    made = of_run()
    assert made["versions"]["jax"] == jax.__version__ and "python" in made["versions"]
    assert made["device"] == {
        "platform": "cpu", "kind": "cpu", "count": jax.device_count(), "processes": 1
    }  # fmt: skip


def test_a_record_is_json():
    made = of_run(output=Path("runs/one"))
    assert json.loads(json.dumps(made))["output"] == "runs/one"


def test_the_settings_of_parts_stand_beside_the_run_s():
    parts = Parts(settings={"colour": "blue"})
    made = record.run_record(Config(), parts, DATA, "ImageNet", [])
    assert made["colour"] == "blue"
    assert record.unknown_settings(made) == {"colour": "blue"}


def test_a_sweep_s_grid_is_no_unknown_setting():
    assert record.unknown_settings({**of_run(), "grid": {}, "seeds": 2}) == {}


def network(**run):
    unused = dict.fromkeys(InferenceModel._fields) | InferenceModel._field_defaults
    values = {"name": "runs/one", "record": run, "metrics": {}, "changes": ("it was edited",)}
    return InferenceModel(**{**unused, **values})


NETWORKS = {
    "of a run": ({"warnings": ["it was late"], "lr": 0.5}, ["runs/one was trained so: it was late"]),
    "of a file": ({}, []),
}  # fmt: skip


@pytest.mark.parametrize("case", NETWORKS)
def test_an_evaluation_s_record_holds_the_run_s(case):
    run, inherited = NETWORKS[case]
    settings = {"data": Path("xrays"), "patients": (Path("a.csv"),)}
    made = record.evaluation_record(network(**run), DATA, settings)
    assert (made["network"], made["data"], made["patients"]) == ("runs/one", "xrays", ["a.csv"])
    assert made["run"] == run
    assert made["warnings"] == [*DATA.warnings, "it was edited", *inherited]
    assert made["dataset"]["images"]["train"] == {"covid": 3, "normal": 3}
    assert json.loads(json.dumps(made))["disclaimer"]


CHANGES = {
    "none": ({}, {}, []),
    "a version": ({"jax": "0.0.1"}, {}, ["jax 0.0.1 then, "]),
    "a device": ({}, {"platform": "tpu"}, ["platform tpu then, cpu now"]),
    "a package that was not there": ({"flax": None}, {}, ["flax None then"]),
    "both": ({"numpy": "1"}, {"count": 99}, ["numpy 1 then", "count 99 then, "]),
}


@pytest.mark.parametrize("case", CHANGES)
def test_other_surroundings_are_one_warning(case):
    versions, device, parts = CHANGES[case]
    before = of_run()
    before["versions"] = {**before["versions"], **versions}
    before["device"] = {**before["device"], **device}
    warnings = record.changed_surroundings(before)
    assert len(warnings) == (1 if parts else 0)
    for part in parts:
        assert part in warnings[0] and "last digits may differ" in warnings[0]


def git(**answers):
    """A git that gives these answers by subcommand; None is an error."""

    def run(command, **_):
        answer = answers.get(command[1].replace("-", "_"))
        if answer is None:
            raise subprocess.CalledProcessError(128, command)
        return subprocess.CompletedProcess(command, 0, stdout=answer)

    return run


def no_git(*_, **__):
    raise FileNotFoundError("git")


COMMITS = {
    "clean": (git(ls_files="record.py", rev_parse="abc\n", status=""), "abc"),
    "edited": (git(ls_files="record.py", rev_parse="abc\n", status=" M x"), "abc+changes"),
    "not a file of the checkout": (git(rev_parse="abc", status=""), None),
    "no git": (no_git, None),
}


@pytest.mark.parametrize("case", COMMITS)
def test_the_commit_that_the_code_is_of(case, monkeypatch):
    run, expected = COMMITS[case]
    monkeypatch.setattr(subprocess, "run", run)
    assert of_run()["git_commit"] == expected
