"""A run that was interrupted and goes on is the run that was not interrupted."""

import contextlib
import csv
import dataclasses
import functools
import json
import shutil

import jax
import numpy as np
import pytest
from PIL import Image

from jaxcovid.config import stored
from jaxcovid.data import images, loader
from jaxcovid.errors import InputError, Interrupted
from jaxcovid.runs import record
from jaxcovid.runs.run import fine_tune
from jaxcovid.training import checkpoint
from tests import small_runs
from tests.small_runs import assert_same, blank_charts, interruption, noise_folder, numbers

pytestmark = pytest.mark.system

config = functools.partial(small_runs.config, dropout=0.3)


@pytest.fixture(scope="module", autouse=True)
def undrawn_here():
    with blank_charts():
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """12 training images, so epochs of 3 steps, the last one partial."""
    return noise_folder(tmp_path_factory.mktemp("data") / "xrays", 6, 4)


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    return fine_tune(config(data, tmp_path_factory.mktemp("whole") / "run"))


@pytest.fixture(scope="module")
def paused(data, tmp_path_factory):
    """Interrupted in the middle of the second epoch, with a checkpoint at every step."""
    output = tmp_path_factory.mktemp("paused") / "run"
    with pytest.raises(Interrupted, match=r"`resume=.*run`"):
        fine_tune(config(data, output, checkpoint_every=1), deferred=interruption(6))
    return output


@pytest.fixture
def run(paused, tmp_path):
    shutil.copytree(paused, tmp_path / "run")
    return tmp_path / "run"


# A run asks after each of 3 steps, then after the one batch of validation, and so on.
PLACES = {"last step of an epoch": 3, "validation": 4, "second epoch": 6, "end": 8}


@pytest.mark.parametrize("place", PLACES)
def test_interrupted_and_resumed_is_bit_identical(place, data, whole, tmp_path, capsys):
    with pytest.raises(Interrupted):
        fine_tune(config(data, tmp_path / "run"), deferred=interruption(PLACES[place]))
    assert not (tmp_path / "run" / "metrics.json").exists()
    fine_tune(stored(tmp_path / "run"))
    assert "Going on after step" in capsys.readouterr().out
    assert_same(tmp_path / "run", whole)


def test_interrupted_again_and_again(data, whole, tmp_path):
    with pytest.raises(Interrupted):
        fine_tune(config(data, tmp_path / "run"), deferred=interruption(1))
    for _ in range(2):
        with pytest.raises(Interrupted):
            fine_tune(stored(tmp_path / "run"), deferred=interruption(2))
    fine_tune(stored(tmp_path / "run"))
    assert_same(tmp_path / "run", whole)


def test_without_any_checkpoint_it_starts_again(whole, run):
    shutil.rmtree(run / "checkpoints")
    fine_tune(stored(run))
    assert (run / "weights.pth").read_bytes() == (whole / "weights.pth").read_bytes()


def steps(run):
    return sorted(int(path.name) for path in (run / "checkpoints").iterdir() if path.name.isdigit())


def flip(run):
    files = [
        path for path in (run / "checkpoints" / str(steps(run)[-1])).rglob("*") if path.is_file()
    ]
    largest = max(files, key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)


def test_a_damaged_latest_checkpoint_is_reported_and_the_one_before_used(whole, run, capfd):
    flip(run)
    fine_tune(stored(run))
    printed = capfd.readouterr()
    assert "is damaged" in printed.out and "going on from step" in printed.out
    assert "Traceback" not in printed.err
    assert len(list(run.glob("damaged-*"))) == 1
    assert "is damaged" in json.loads((run / "config.json").read_text())["warnings"][-1]
    assert (run / "weights.pth").read_bytes() == (whole / "weights.pth").read_bytes()


def test_folders_with_odd_names_are_left_alone(whole, run):
    odd = {"007", "\u0663", "9" * 20, "-1"}
    for name in odd:
        (run / "checkpoints" / name).mkdir()
    fine_tune(stored(run))
    assert_same(run, whole)
    names = {path.name for path in (run / "checkpoints").iterdir()}
    assert odd < names and len(names - odd) >= 2


def test_a_run_is_not_resumed_twice_at_once(run):
    second = []

    @contextlib.contextmanager
    def meanwhile():
        with pytest.raises(InputError, match="is being trained at this moment") as refused:
            fine_tune(stored(run))
        second.append(refused)
        yield bool

    fine_tune(stored(run), deferred=meanwhile)
    assert second


def test_nothing_is_moved_when_the_resume_is_refused(run):
    flip(run)
    before = steps(run)
    with pytest.raises(InputError, match="`lr`"):
        fine_tune(dataclasses.replace(stored(run), lr=0.5))
    assert steps(run) == before


def test_an_unreadable_disk_is_not_taken_for_damage(run, monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(checkpoint, "_read", fail)
    before = steps(run)
    with pytest.raises(InputError, match=r"cannot be read .*; nothing was changed, try again"):
        fine_tune(stored(run))
    assert steps(run) == before


def test_if_all_are_damaged_nothing_is_touched(run):
    for step in steps(run):
        (run / "checkpoints" / str(step) / "_CHECKPOINT_METADATA").unlink()
    before = steps(run)
    with pytest.raises(InputError, match="every checkpoint"):
        fine_tune(stored(run))
    assert steps(run) == before


def test_other_settings_are_refused_with_a_list(run):
    other = {"lr": 0.5, "trainable": "all", "epochs": 7, "head": (4, 4), "seed": 1, "batch_size": 3}
    with pytest.raises(InputError) as error:
        fine_tune(dataclasses.replace(stored(run), **other))
    listed = "\n".join(error.value.problems)
    assert all(f"`{name}`: " in listed for name in other)
    assert "`batch_size`: 5 then, 3 now" in listed and "`momentum`" not in listed


def test_an_edited_config_is_noticed(run):
    path = run / "config.json"
    path.write_text(path.read_text().replace('"momentum": 0.9', '"momentum": 0.8'))
    with pytest.raises(InputError, match=r"`momentum`: 0\.9 then, 0\.8 now"):
        fine_tune(stored(run))


def test_other_data_is_refused_and_moved_data_is_not(data, whole, run, tmp_path):
    shutil.copytree(data, tmp_path / "moved")
    moved = dataclasses.replace(stored(run), data=str(tmp_path / "moved"), checkpoint_every=None)
    Image.new("L", (40, 30), 9).save(tmp_path / "moved/train/covid/0.png")
    with pytest.raises(InputError, match="fingerprint"):
        fine_tune(moved)
    shutil.copy(data / "train/covid/0.png", tmp_path / "moved/train/covid/0.png")
    fine_tune(moved)
    assert (run / "weights.pth").read_bytes() == (whole / "weights.pth").read_bytes()


def test_a_finished_run_is_not_resumed(whole):
    with pytest.raises(InputError, match="is finished"):
        fine_tune(stored(whole))


BAD = {
    "no folder": (lambda run: shutil.rmtree(run), "not a run's folder"),
    "no JSON": (lambda run: (run / "config.json").write_text("{"), "damaged"),
    "wrong types": (
        lambda run: (run / "config.json").write_text('{"head": 3, "lr": "x"}'),
        "damaged",
    ),
    "unfit values": (
        lambda run: (run / "config.json").write_text('{"head": [8], "lr": "x"}'),
        "unfit value of lr",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_folder_that_is_no_run_is_refused(case, run):
    spoil, message = BAD[case]
    spoil(run)
    with pytest.raises(InputError, match=message):
        fine_tune(stored(run))


def test_other_versions_are_a_warning(run):
    newest, _ = checkpoint.newest(run)
    settings = newest.account["settings"]
    assert record.changed_surroundings(settings) == []
    settings["versions"]["jax"] = "0.0.1"
    (warning,) = record.changed_surroundings(settings)
    assert "jax 0.0.1 then" in warning and "last digits may differ" in warning


def test_a_trained_model_in_one_line(whole, data):
    model, variables, classes = checkpoint.load_checkpoint(whole)
    assert classes == ("covid", "normal")
    path = data / "validation" / "covid" / "0.png"
    image = images.evaluation_view(images.read_image(path))
    logits = model.apply(variables, loader.normalise(image[None]))
    probabilities = jax.nn.softmax(logits)[0]
    with (whole / "predictions.csv").open(newline="") as stream:
        (row,) = (row for row in csv.DictReader(stream) if row["path"] == "validation/covid/0.png")
    np.testing.assert_allclose(float(row["prob_covid"]), probabilities[0], atol=1e-5)


def test_the_best_checkpoint_is_that_of_lowest_validation_loss(whole):
    losses = numbers(whole)[:, 5].tolist()
    kept = checkpoint.losses_of(whole)
    assert kept[3 * (1 + int(np.argmin(losses)))] == min(losses)
    assert checkpoint.load_checkpoint(whole, "best").classes == ("covid", "normal")


def test_loading_reports_a_damaged_latest_checkpoint(run):
    flip(run)
    with pytest.warns(UserWarning, match=r"checkpoint \d+ is damaged"):
        assert checkpoint.load_checkpoint(run).classes == ("covid", "normal")


def test_loading_what_has_no_checkpoint_says_so(tmp_path):
    with pytest.raises(InputError, match="no latest checkpoint"):
        checkpoint.load_checkpoint(tmp_path)
