"""The named experiments: their settings, the figures reported of them, and their flags."""

import dataclasses
import json
import math
import runpy
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid.assignment.mistakes import HABITS
from jaxcovid.config import Config, as_json, problems
from jaxcovid.data.dataset import Dataset
from jaxcovid.errors import InputError
from jaxcovid.runs import artifacts, files
from jaxcovid.runs.resume import differences
from jaxcovid.training.step import TrainState
from tests.experiments.scripts import FOLDER, call
from tests.small_runs import noise_folder

_PRESETS = runpy.run_path(str(FOLDER / "presets.py"))
PRESETS, SEED, LADDER, config = (_PRESETS[name] for name in ("PRESETS", "SEED", "LADDER", "config"))
SISTERS, QUESTION, ASKED = (_PRESETS[name] for name in ("SISTERS", "QUESTION", "ASKED"))

REPORTED = {name: preset.reported for name, preset in PRESETS.items() if preset.reported}
MEASURED = {name: reported for name, reported in REPORTED.items() if reported.confusion}

# Validation images of each class.
IMAGES = {
    ("infected", "normal"): (615, 885),
    ("covid-19", "normal", "pneumonia"): (28, 400, 200),
}

# Where the accuracy is not that of the matrix, in percent, and why.
AT_ODDS = {
    "part1-resnet18-last-conv": 86.8,  # its matrix has the first row of part1-resnet18-fc-1
    "part2-resnet18-focal": 91.1,  # each comes from a pass of its own
}


def right(confusion):
    """The accuracy that a matrix gives, in percent."""
    return 100 * sum(row[index] for index, row in enumerate(confusion)) / sum(map(sum, confusion))


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_sound_configuration(name):
    settings = config(name)
    assert problems(settings) == []
    assert settings.preset == name
    assert json.loads(json.dumps(as_json(settings)))["preset"] == name


@pytest.mark.parametrize("name", SEED)
def test_as_written_turns_on_the_mistakes_of_the_original(name):
    settings, preset = config(name, as_written=True), SEED[name]
    assert problems(settings) == []
    assert settings.habits == preset.habits and set(preset.habits) <= set(HABITS)
    assert ("train_mode_evaluation" in preset.habits) == (
        settings.model == "resnet18" or settings.dropout > 0
    )
    for flag, value in preset.as_run.items():
        assert getattr(settings, flag) == value != getattr(config(name), flag)


def test_what_has_no_mistakes_cannot_be_had_as_written():
    with pytest.raises(InputError, match="--as-written: nothing is known to be wrong"):
        config("ladder-vgg16-fc", as_written=True)


# What differs from batch 8, and how many updates it makes of 12,000 images.
ASKS = {
    "question-batch-60": ({"batch_size": 60}, 1000),
    "question-batch-60-lr": ({"batch_size": 60, "lr": 7.5e-4}, 1000),
    "question-batch-60-steps": ({"batch_size": 60, "epochs": 38}, 7600),
}


@pytest.mark.parametrize("name", QUESTION)
def test_the_question_about_batch_60_changes_one_thing_at_a_time(name):
    differing, updates = ASKS[name]
    before, now = (dataclasses.asdict(config(each)) for each in (ASKED, name))
    aside = {"preset": name, "weights_file": None}
    assert {key: now[key] for key in now if now[key] != before[key]} == aside | {
        key: pytest.approx(value) for key, value in differing.items()
    }
    assert math.ceil(12_000 / now["batch_size"]) * now["epochs"] == updates
    assert math.ceil(12_000 / before["batch_size"]) * before["epochs"] == 7500


def test_the_question_as_written_has_the_mistakes_of_batch_8():
    before, now = (config(name, as_written=True) for name in (ASKED, "question-batch-60"))
    assert now == dataclasses.replace(before, preset=now.preset, weights_file=None, batch_size=60)


# Where the printed F1 is that of the matrix: all images were one batch.
WHOLE = {"part1-resnet18-fc-1", "part1-resnet18-fc-2"}


@pytest.mark.parametrize("name", SEED)
def test_the_printed_f1_is_that_of_the_matrix_or_of_a_batch(name):
    matrix = np.array(MEASURED[name].confusion)
    macro_f1 = np.mean(2 * np.diag(matrix) / (matrix.sum(0) + matrix.sum(1)))
    assert (round(macro_f1, 4) == MEASURED[name].f1) == (name in WHOLE)
    assert (SEED[name].as_run["eval_batch_size"] == 1500) == (name in WHOLE)
    assert "last_batch_f1" in SEED[name].habits


def test_as_many_as_the_sources_have():
    """Names are the keys of four tables, so one that occurs twice would be missed."""
    counts = [sum(preset.part == part for preset in SEED.values()) for part in (1, 2)]
    assert counts == [7, 4]
    assert len(LADDER) == 8
    assert len(PRESETS) == 7 + 4 + 8 + len(SISTERS) + len(QUESTION)
    titles = [preset.title for preset in PRESETS.values() if preset.source != "task sheet"]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("name", PRESETS)
def test_each_part_has_its_heads_losses_and_classes(name):
    preset, settings = PRESETS[name], config(name)
    if preset.source == "sister":
        assert (settings.loss == "cross_entropy") == (preset.part == 1)
    elif preset.part == 1:
        assert (settings.head, settings.loss, settings.multilabel) == ((320,), "cross_entropy", ())
    else:
        widths = {"vgg16": (1024, 512), "resnet18": (256, 128)}
        assert settings.head == widths[settings.model]
        assert settings.dropout == 0.5
        assert settings.loss in ("bce", "focal")
        assert settings.multilabel == ("covid-19=covid-19+pneumonia",)
    assert preset.reported is None or len(preset.reported.classes) == preset.part + 1


@pytest.mark.parametrize("name", MEASURED)
def test_a_matrix_holds_the_validation_images(name):
    reported = MEASURED[name]
    assert tuple(map(sum, reported.confusion)) == IMAGES[reported.classes]
    assert all(len(row) == len(reported.classes) for row in reported.confusion)


@pytest.mark.parametrize("name", MEASURED)
def test_accuracy_follows_from_the_matrix_or_the_notes_say_so(name):
    printed, percent = round(100 * MEASURED[name].accuracy), right(MEASURED[name].confusion)
    assert (printed in (math.floor(percent), round(percent))) == (name not in AT_ODDS)
    if name in AT_ODDS:
        assert round(percent, 1) == AT_ODDS[name]
        assert f"{AT_ODDS[name]} %" in PRESETS[name].notes


WANTED = {
    "vgg16_FC_Only.pth": ("vgg16", "head", "cross_entropy"),
    "res18_FC_Only.pth": ("resnet18", "head", "cross_entropy"),
    "vgg16_entire.pth": ("vgg16", "all", "cross_entropy"),
    "res18_entire.pth": ("resnet18", "all", "cross_entropy"),
    "vgg16_focal_loss.pth": ("vgg16", "head", "focal"),
    "res18_focal_loss.pth": ("resnet18", "head", "focal"),
}


def test_the_assignment_gets_its_files():
    found = {}
    for name, preset in PRESETS.items():
        settings = config(name)
        if preset.weights_file:
            found.setdefault(preset.weights_file, set()).add(
                (settings.model, settings.trainable, settings.loss)
            )
    assert found == {name: {kind} for name, kind in WANTED.items()}


def test_list_presets_prints_all_within_a_second():
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, FOLDER / "run.py", "--list-presets"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert time.perf_counter() - started < 1
    lines = done.stdout.splitlines()
    for name, preset in PRESETS.items():
        (line,) = (each for each in lines if each.startswith(f"{name} "))
        assert preset.title in line
        if preset.reported is not None:
            assert f"{100 * preset.reported.accuracy:.3g} %" in line
    assert max(map(len, lines)) <= 100


def test_help_names_both_flags(capsys):
    assert call("run", "--help") == 0
    printed = capsys.readouterr().out
    assert "--preset " in printed and "--list-presets" in printed


UNKNOWN = {
    "close": ("part1-vgg16-fc1", "did you mean part1-vgg16-fc-1"),
    "far": ("xyz", "there is no 'xyz'; --list-presets prints all"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_an_unknown_preset_names_the_closest(case, capfd):
    name, message = UNKNOWN[case]
    assert call("run", "--preset", name) == 2
    printed = capfd.readouterr().err
    assert message in printed and "Traceback" not in printed


def test_flags_override_the_preset_and_only_they_do(monkeypatch):
    taken = []
    monkeypatch.setattr("jaxcovid.runs.run.fine_tune", lambda config, _: taken.append(config))
    # The momentum is the default of Config, and not the preset's.
    assert call("run", "--preset", "part1-vgg16-fc-2", "--momentum", 0.9, "--epochs", 1) == 0
    (settings,) = taken
    assert settings == Config(
        preset="part1-vgg16-fc-2",
        weights_file="vgg16_FC_Only.pth",
        model="vgg16",
        lr=1e-2,
        momentum=0.9,
        epochs=1,
    )


RESUMED = {
    "alone": ([], "part1-vgg16-fc-2"),
    "with its preset": (["--preset", "part1-vgg16-fc-2"], "part1-vgg16-fc-2"),
    "with another": (["--preset", "ladder-resnet18-fc"], "ladder-resnet18-fc"),
}


@pytest.mark.parametrize("case", RESUMED)
def test_a_resumed_run_keeps_its_own_settings(case, tmp_path, monkeypatch):
    flags, expected = RESUMED[case]
    record = as_json(config("part1-vgg16-fc-2")) | {"lr": 0.5}
    (tmp_path / "config.json").write_text(json.dumps(record))
    taken = []
    monkeypatch.setattr("jaxcovid.runs.run.fine_tune", lambda config, _: taken.append(config))
    assert call("run", "--resume", tmp_path, *flags) == 0
    (settings,) = taken
    assert (settings.preset, settings.lr, settings.model) == (expected, 0.5, "vgg16")


def test_resuming_under_another_preset_is_refused_but_another_file_name_is_not():
    then = config("part1-vgg16-fc-2")
    data = Dataset("xrays", ("infected", "normal"), {}, "abc")
    known = {"dataset": {"classes": list(data.classes)}, "data_fingerprint": "abc"}
    settings = dataclasses.replace(then, resume=Path("run"), weights_file="other.pth")
    assert differences(settings, data, as_json(then) | known) == []
    other = dataclasses.replace(settings, preset="ladder-vgg16-fc")
    _, problem = differences(other, data, as_json(then) | known)
    assert problem == "  --preset: part1-vgg16-fc-2 then, ladder-vgg16-fc now"


BAD_NAMES = ("", ".pth", "weights.pth", "Weights.PTH", "a.bin", "../a.pth", "a/b.pth", "a" * 200 + ".pth", "\udcff.pth")  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_name_for_the_weights_is_refused(name):
    (problem,) = problems(Config(weights_file=name))
    assert problem.startswith("--weights-file: ")
    problem.encode()


@pytest.mark.parametrize("links", [True, False])
def test_a_second_name_replaces_what_it_named_before(links, tmp_path, monkeypatch):
    if not links:
        monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    for content in (b"first", b"second", b"second"):
        files.write_bytes(tmp_path / "weights.pth", content)
        files.also_as(tmp_path / "weights.pth", "other.pth")
        assert (tmp_path / "other.pth").read_bytes() == content
        assert (tmp_path / "other.pth").samefile(tmp_path / "weights.pth") == links
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.pth", "weights.pth"]


def refuse(*_):
    raise OSError(1, "Operation not permitted")


def test_the_weights_have_the_second_name_too(tmp_path):
    """The arrays do not matter here, so there are none."""
    state = TrainState(jnp.int32(0), {}, {}, (), jax.random.key(0))
    settings = config("part2-vgg16-focal")
    artifacts.write_weights(tmp_path, settings, ("covid-19", "normal"), None, [], state, {})
    names = ["vgg16_focal_loss.pth", "weights.pth", "weights.safetensors"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert (tmp_path / names[0]).read_bytes() == (tmp_path / names[1]).read_bytes()


@pytest.mark.system
def test_a_run_of_a_preset(tmp_path, undrawn):
    data = noise_folder(tmp_path / "xrays", 3, 2)
    for split in ("train", "validation"):
        (data / split / "covid").rename(data / split / "infected")
    small = ["--weights", "none", "--epochs", 1, "--batch-size", 6, "--head", 8]
    output = tmp_path / "run"
    code = call(
        "run", "--preset", "part1-resnet18-fc-1", "--data", data, "--output", output, *small
    )
    assert code == 0
    assert (output / "res18_FC_Only.pth").read_bytes() == (output / "weights.pth").read_bytes()
    record = json.loads((output / "config.json").read_text())
    assert (record["preset"], record["lr"], record["head"]) == ("part1-resnet18-fc-1", 1e-4, [8])
    assert not list(output.glob(".*"))
