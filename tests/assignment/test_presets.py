"""The named experiments: their settings, and the figures reported of them."""

import dataclasses
import json
import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid.assignment import mistakes
from jaxcovid.assignment import settings as assignment_settings
from jaxcovid.assignment.further_presets import LADDER, QUESTION, SISTERS
from jaxcovid.assignment.presets import PRESETS, config
from jaxcovid.assignment.seed_presets import SEED
from jaxcovid.config import as_json
from jaxcovid.config_problems import problems
from jaxcovid.data.dataset import Dataset
from jaxcovid.errors import InputError
from jaxcovid.runs import artifacts
from jaxcovid.runs.resume import changed_settings
from jaxcovid.training.losses import cross_entropy
from jaxcovid.training.parts import Parts
from jaxcovid.training.setup import Network, Targets, Task
from jaxcovid.training.step import TrainState
from weights_convert.names import Entry, Layout

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
    settings, assignment = config(name)
    assert problems(settings) == assignment_settings.problems(assignment, settings) == []
    assert assignment.preset == name and settings.select == "last"
    assert json.loads(json.dumps(as_json(assignment)))["preset"] == name


def test_what_has_no_mistakes_cannot_be_had_as_written():
    with pytest.raises(InputError, match="`as_written`: nothing is known to be wrong"):
        config("ladder-vgg16-fc", as_written=True)


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
    preset, settings = PRESETS[name], config(name)[0]
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
    "vgg16_focal_loss.pth": ("vgg16", "all", "focal"),
    "res18_focal_loss.pth": ("resnet18", "all", "focal"),
}


def test_the_assignment_gets_its_files():
    found = {}
    for name, preset in PRESETS.items():
        settings = config(name)[0]
        if preset.weights_file:
            found.setdefault(preset.weights_file, set()).add(
                (settings.model, settings.trainable, settings.loss)
            )
    assert found == {name: {kind} for name, kind in WANTED.items()}


def test_resuming_under_another_preset_is_refused_but_another_file_name_is_not():
    then, assignment = config("part1-vgg16-fc-2")
    data = Dataset("xrays", ("infected", "normal"), {}, "abc")
    known = {"dataset": {"classes": list(data.classes)}, "data_fingerprint": "abc"}
    record = as_json(then) | as_json(assignment) | known
    settings = dataclasses.replace(then, resume=Path("run"), weights_file="other.pth")
    callers = mistakes.parts(assignment).settings
    assert changed_settings(settings, callers, data, record) == []
    other = dataclasses.replace(assignment, preset="ladder-vgg16-fc")
    _, problem = changed_settings(settings, mistakes.parts(other).settings, data, record)
    assert problem == "  `preset`: part1-vgg16-fc-2 then, ladder-vgg16-fc now"


def test_the_weights_have_the_second_name_too(tmp_path):
    """The arrays do not matter here, so there is only one."""
    entry = Entry("fc.bias", ("params", "fc", "bias"), Layout.VECTOR, (2,))
    params = {"fc": {"bias": jnp.zeros(2)}}
    state = TrainState(jnp.int32(0), params, {}, (), jax.random.key(0))
    task = Task(*[None] * len(Task._fields))._replace(
        config=config("part2-vgg16-focal")[0],
        dataset=Dataset("xrays", ("covid-19", "normal"), {}, "abc"),
        network=Network(*[None] * 8)._replace(entries=(entry,)),
        targets=Targets(np.eye(2), None, lambda outputs: outputs),
        parts=Parts(loss=lambda *_: cross_entropy()),
    )
    artifacts.write_weights(tmp_path, task, state, {})
    names = ["vgg16_focal_loss.pth", "weights.pth", "weights.safetensors"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert (tmp_path / names[0]).read_bytes() == (tmp_path / names[1]).read_bytes()
