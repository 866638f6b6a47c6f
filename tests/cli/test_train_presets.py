"""`jaxcovid train` with presets: their list, and flags over those of a preset or of a run."""

import json
import subprocess
import sys
import time

import pytest

from jaxcovid.assignment.presets import PRESETS, config
from jaxcovid.assignment.settings import AssignmentSettings
from jaxcovid.config import Config, as_json
from tests.cli.commands import call
from tests.small_runs import noise_folder


def test_list_presets_prints_all_within_a_second():
    seconds = []
    while len(seconds) < 3 and min(seconds, default=1) >= 1:  # other tests run at the same time
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "jaxcovid.cli", "train", "--list-presets"],
            capture_output=True,
            text=True,
            check=True,
        )
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 1
    lines = done.stdout.splitlines()
    for name, preset in PRESETS.items():
        (line,) = (line for line in lines if line.startswith(f"{name} "))
        assert preset.title in line
        if preset.reported is not None:
            assert f"{100 * preset.reported.accuracy:.3g} %" in line
    assert max(map(len, lines)) <= 100


def test_help_names_both_flags(capsys):
    assert call("train", "--help") == 0
    printed = capsys.readouterr().out
    assert "--preset " in printed and "--list-presets" in printed


UNKNOWN = {
    "close": ("part1-vgg16-fc1", "did you mean part1-vgg16-fc-1"),
    "far": ("xyz", "there is no 'xyz'; --list-presets prints all"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_an_unknown_preset_names_the_closest(case, capfd):
    name, message = UNKNOWN[case]
    assert call("train", "--preset", name) == 2
    printed = capfd.readouterr().err
    assert message in printed and "Traceback" not in printed


@pytest.fixture
def taken(monkeypatch):
    """The settings of runs, none of which is made."""
    settings = []

    def fine_tune(config, *, parts, deferred):
        settings.append((config, parts.settings))

    monkeypatch.setattr("jaxcovid.runs.run.fine_tune", fine_tune)
    return settings


def test_flags_override_the_preset_and_only_they_do(taken):
    # The momentum is the default of Config, and not the preset's.
    assert call("train", "--preset", "part1-vgg16-fc-2", "--momentum", 0.9, "--epochs", 1) == 0
    ((settings, assignment),) = taken
    assert settings == Config(
        weights_file="vgg16_FC_Only.pth",
        model="vgg16",
        lr=1e-2,
        momentum=0.9,
        epochs=1,
        select="last",
    )
    assert assignment == as_json(AssignmentSettings(preset="part1-vgg16-fc-2"))


def test_a_preset_as_written_has_its_mistakes(taken):
    flags = ["--preset", "part1-resnet18-last-conv", "--as-written"]
    assert call("train", *flags) == 0
    assert call("train", *flags, "--habits", "--trainable", "last_conv") == 0
    (settings, assignment), (overridden, without) = taken
    assert (settings.trainable, overridden.trainable) == ("head", "last_conv")
    expected = ["train_mode_evaluation", "moved_statistics", "last_batch_f1", "loss_over_images"]
    assert assignment["habits"] == expected
    assert without == {"habits": [], "as_written": True, "preset": "part1-resnet18-last-conv"}


RESUMED = {
    "alone": ([], "part1-vgg16-fc-2"),
    "with its preset": (["--preset", "part1-vgg16-fc-2"], "part1-vgg16-fc-2"),
    "with another": (["--preset", "ladder-resnet18-fc"], "ladder-resnet18-fc"),
}


@pytest.mark.parametrize("case", RESUMED)
def test_a_resumed_run_keeps_its_own_settings(case, tmp_path, taken):
    flags, expected = RESUMED[case]
    settings, assignment = config("part1-vgg16-fc-2")
    record = as_json(settings) | as_json(assignment) | {"lr": 0.5}
    (tmp_path / "config.json").write_text(json.dumps(record))
    assert call("train", "--resume", tmp_path, *flags) == 0
    ((resumed, resumed_assignment),) = taken
    assert resumed_assignment["preset"] == expected
    assert (resumed.lr, resumed.model) == (0.5, "vgg16")


def test_a_resumed_run_keeps_its_mistakes(tmp_path, taken):
    settings, assignment = config("part1-resnet18-fc-1", as_written=True)
    record = as_json(settings) | as_json(assignment)
    (tmp_path / "config.json").write_text(json.dumps(record))
    assert call("train", "--resume", tmp_path) == 0
    ((_, resumed),) = taken
    assert resumed == as_json(assignment)


@pytest.mark.system
def test_a_run_of_a_preset(tmp_path, undrawn):
    data = noise_folder(tmp_path / "xrays", 3, 2)
    for split in ("train", "validation"):
        (data / split / "covid").rename(data / split / "infected")
    small = ["--weights", "none", "--epochs", 1, "--batch-size", 6, "--head", 8]
    output = tmp_path / "run"
    code = call(
        "train", "--preset", "part1-resnet18-fc-1", "--data", data, "--output", output, *small
    )
    assert code == 0
    assert (output / "res18_FC_Only.pth").read_bytes() == (output / "weights.pth").read_bytes()
    record = json.loads((output / "config.json").read_text())
    assert (record["preset"], record["lr"], record["head"]) == ("part1-resnet18-fc-1", 1e-4, [8])
    assert not list(output.glob(".*"))
