"""A sweep's members are the runs that they would be alone."""

import csv
import dataclasses
import functools
import json

import jax
import numpy as np
import pytest

from jaxcovid import models
from jaxcovid.errors import InputError, Interrupted
from jaxcovid.models.convolution import as_product
from jaxcovid.results import Epoch
from jaxcovid.runs.run import fine_tune
from jaxcovid.sweeps import run as sweeps_run
from jaxcovid.sweeps.chunks import in_chunks
from jaxcovid.sweeps.grid import Grid, grid_problems, members
from jaxcovid.sweeps.run import run_sweep, stored_sweep
from jaxcovid.training.members import numbers_of
from tests.small_runs import config, interruption, noise_folder, numbers


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return noise_folder(tmp_path_factory.mktemp("data") / "xrays", 3, 2)


def histories(folder):
    """Of each member, without times."""
    found = {}
    with (folder / "histories.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            values = [float(row[name]) for name in Epoch._fields[:-2]]
            found.setdefault(int(row["member"]), []).append(values)
    return {place: np.array(rows) for place, rows in found.items()}


def sweep_of(data, folder, grid, **options):
    uninterrupted = interruption(10**9)
    settings = config(data, folder, views=2, **options)
    return settings, run_sweep(settings, grid, uninterrupted)


CASES = {
    "head": (
        Grid({"lr": (1e-2, 1e-1), "momentum": (0.0, 0.9), "weight_decay": (0.01, 0.1)}, 2),
        {"dropout": 0.3},
        (7,),
    ),
    "focal loss, adam, cosine": (
        Grid({"focal_gamma": (0.0, 2.0), "focal_alpha": (0.25, 1.0), "lr": (1e-3, 1e-2)}),
        {"loss": "focal", "optimizer": "adam", "schedule": "cosine", "class_weights": "balanced"},
        (3,),
    ),
    "last block": (
        Grid({"lr": (1e-3, 1e-2), "backbone_lr": (1e-4, 1e-3)}),
        {"trainable": "last_block", "epochs": 1},
        (2,),
    ),
}


@pytest.mark.system
@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("case", CASES)
def test_each_member_equals_the_single_run(case, data, tmp_path):
    grid, options, compared = CASES[case]
    with jax.numpy_dtype_promotion("standard"):  # for optax's Adam
        settings, folder = sweep_of(data, tmp_path / "sweep", grid, **options)
        found = histories(folder)
        every = members(settings, grid)
        assert list(found) == list(range(len(every)))
        for place in compared:
            alone = fine_tune(dataclasses.replace(every[place], output=tmp_path / str(place)))
            np.testing.assert_allclose(found[place], numbers(alone), atol=1e-5)


@pytest.fixture(scope="module")
def finished_sweep(data, tmp_path_factory):
    """Two learning rates, one of which diverges, two seeds; and its settings."""
    folder = tmp_path_factory.mktemp("sweeps")
    grid = Grid({"lr": (1e-2, 3e38)}, 2)
    return grid, *sweep_of(data, folder / "sweep", grid)


def test_the_best_member_is_a_run_like_any_other(finished_sweep):
    _, settings, folder = finished_sweep
    best = folder / "best"
    record = json.loads((best / "config.json").read_text())
    assert record["lr"] == 1e-2 and record["views"] == 2
    assert "chosen by its validation accuracy" in record["warnings"][-1]
    place = 0 if record["seed"] == settings.seed else 1
    np.testing.assert_allclose(numbers(best), histories(folder)[place], atol=1e-6)
    metrics = json.loads((best / "metrics.json").read_text())
    assert metrics["freeze_audit"]["frozen_unchanged"]
    assert metrics["freeze_audit"]["trainable_changed"] == 4
    with (folder / "members.csv").open(newline="") as stream:
        row = list(csv.DictReader(stream))[place]
    assert float(row["validation_accuracy"]) == pytest.approx(metrics["validation"]["accuracy"])
    assert float(row["validation_macro_f1"]) == pytest.approx(metrics["validation"]["macro_f1"])


def test_a_diverged_member_is_marked_and_the_others_go_on(finished_sweep):
    _, _, folder = finished_sweep
    with (folder / "members.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [bool(row["diverged_in_epoch"]) for row in rows] == [False, False, True, True]
    assert [row["validation_accuracy"] == "" for row in rows] == [False, False, True, True]
    page = (folder / "report.html").read_text()
    assert "2 member(s) diverged and count in no mean: 2, 3" in page
    with (folder / "settings.csv").open(newline="") as stream:
        fine, fallen = csv.DictReader(stream)
    assert (fine["seeds"], fine["diverged"], fallen["seeds"], fallen["diverged"]) == (
        "2", "0", "0", "2"
    )  # fmt: skip
    assert fallen["accuracy"] == ""


def test_what_a_sweep_leaves(finished_sweep):
    _, _, folder = finished_sweep
    names = sorted(path.name for path in folder.iterdir())
    assert names == [
        "best", "histories.csv", "members.csv", "plots", "report.html", "settings.csv", "sweep.json"
    ]  # fmt: skip
    assert [path.name for path in (folder / "plots").iterdir()] == ["accuracy_by_lr.png"]


@pytest.mark.system
@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("call", [1, 2])
def test_an_interrupted_sweep_goes_on_exactly(call, data, finished_sweep, tmp_path):
    grid, settings, whole = finished_sweep
    output = tmp_path / "sweep"
    with pytest.raises(Interrupted, match=r"sweep\.py --resume"):
        run_sweep(dataclasses.replace(settings, output=output), grid, interruption(call))
    stored, again = stored_sweep(output)
    assert again == Grid({"lr": (1e-2, 3e38)}, 2)
    run_sweep(stored, again, interruption(10**9))
    for name in ("settings.csv", "members.csv"):
        assert (output / name).read_bytes() == (whole / name).read_bytes()
    for one, other in zip(histories(output).values(), histories(whole).values(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.system
@pytest.mark.usefixtures("undrawn")
def test_where_nothing_is_frozen_members_train_one_after_another(data, tmp_path, capsys):
    grid = Grid({"lr": (1e-3, 3e38)})
    _, folder = sweep_of(data, tmp_path / "sweep", grid, batch_norm="batch", epochs=1)
    assert "one after another" in capsys.readouterr().out
    assert (folder / "best").resolve() == (folder / "members" / "000").resolve()
    np.testing.assert_array_equal(histories(folder)[0], numbers(folder / "best"))
    with (folder / "members.csv").open(newline="") as stream:
        assert [row["diverged_in_epoch"] for row in csv.DictReader(stream)] == ["", "1"]


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [1, 3])
def test_a_convolution_as_a_product(size, stride):
    keys = jax.random.split(jax.random.key(0))
    images = jax.random.normal(keys[0], (2, 7, 8, 5))
    kernel = jax.random.normal(keys[1], (size, size, 5, 4))
    padding = ((size // 2, size // 2),) * 2
    expected = jax.lax.conv_general_dilated(
        images, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    got = as_product(images, kernel, (stride, stride), padding)
    np.testing.assert_allclose(got, expected, atol=1e-5)


LAST = {"resnet18": ("layer4", (1, 2, 2, 256)), "vgg16": ("block5", (1, 2, 2, 512))}


@pytest.mark.parametrize("name", LAST)
def test_layers_of_products_are_the_same(name):
    start, shape = LAST[name]
    model = models.build(name, 2, (4,))
    features = jax.random.normal(jax.random.key(0), shape)
    part = functools.partial(model.init, start=start)
    variables = jax.jit(part)(jax.random.key(1), features)
    got, expected = (
        jax.jit(functools.partial(each.apply, start=start))(variables, features)
        for each in (model.clone(convolution=as_product), model)
    )
    np.testing.assert_allclose(got, expected, atol=1e-4)


CHUNKS = {
    "all": (10.0, [[0, 1, 2, 3, 4]]),
    "equal parts": (3.0, [[0, 1, 2], [3, 4]]),
    "one at least": (0.5, [[0], [1], [2], [3], [4]]),
}


@pytest.mark.parametrize("case", CHUNKS)
def test_chunks_fit_the_memory(case):
    budget, expected = CHUNKS[case]
    assert in_chunks(range(5), 1.0, budget) == expected


BAD = {
    "no seed": ({}, Grid({}, 0), "--seeds: 0"),
    "twice": ({}, Grid({"lr": (0.1, 0.1)}), "--lr: a value is given twice"),
    "a bad value": ({}, Grid({"lr": (0.1, -1.0)}), "--lr: -1.0 is not a number above 0"),
    "adam": ({"optimizer": "adam"}, Grid({"momentum": (0.1, 0.2)}), "--momentum: several values"),
    "not focal": ({}, Grid({"focal_gamma": (1.0, 2.0)}), "it needs --loss focal"),
    "head": ({}, Grid({"backbone_lr": (1.0, 2.0)}), "nothing below the head trains"),
    "train mode": (
        {"habits": ("train_mode_evaluation",), "views": 2}, Grid({"lr": (0.1,)}), "needs --views 0"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_swept_is_told(case, tmp_path):
    options, grid, message = BAD[case]
    (problem,) = grid_problems(config(tmp_path, tmp_path / "new", **options), grid)
    assert message in problem


def test_a_sweep_never_overwrites(data, tmp_path):
    with pytest.raises(InputError, match="--output"):
        sweep_of(data, tmp_path, Grid({"lr": (0.1,)}))


def test_a_finished_sweep_is_not_resumed(finished_sweep):
    *_, folder = finished_sweep
    with pytest.raises(InputError, match="is finished"):
        stored_sweep(folder)


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def other(path):
    path.write_bytes(b"not a file of arrays")


@pytest.mark.parametrize("spoil", [cut, other])
def test_damaged_arrays_are_a_message(spoil, tmp_path):
    tree = {"weights": np.ones((3, 4), np.float32), "key": jax.random.key(3)}
    path = tmp_path / "best.npz"
    sweeps_run._write_arrays(path, tree, {"place": 2})
    found, stated = sweeps_run._read_arrays(path, tree)
    assert stated == {"place": 2}
    np.testing.assert_array_equal(found["weights"], tree["weights"])
    assert jax.random.key_data(found["key"]).tolist() == jax.random.key_data(tree["key"]).tolist()
    larger = {**tree, "weights": np.ones((4, 4), np.float32)}
    with pytest.raises(InputError, match="arrays of another network"):
        sweeps_run._read_arrays(path, larger)
    spoil(path)
    with pytest.raises(InputError, match=r"best\.npz is damaged"):
        sweeps_run._read_arrays(path, tree)


def test_members_share_what_they_have_in_common():
    every = members(config("data", None), Grid({"lr": (0.1, 0.2), "momentum": (0.5,)}, 2))
    assert [(each.lr, each.momentum, each.seed) for each in every] == [
        (0.1, 0.5, 0), (0.1, 0.5, 1), (0.2, 0.5, 0), (0.2, 0.5, 1)
    ]  # fmt: skip
    assert set(numbers_of(every)) == {"lr"}
    assert numbers_of(every[:2]) == {}
