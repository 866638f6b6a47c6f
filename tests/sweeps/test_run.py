"""A sweep's members are the runs that they would be alone."""

import csv
import dataclasses
import json

import numpy as np
import pytest

from jaxcovid.data.dataset import Member, Split
from jaxcovid.errors import InputError, Interrupted
from jaxcovid.results import Epoch
from jaxcovid.runs.run import fine_tune
from jaxcovid.sweeps import run as sweeps_run
from jaxcovid.sweeps.grid import Grid, grid_members
from jaxcovid.sweeps.run import judged_by, stored_sweep, sweep
from jaxcovid.training.parts import Evaluation, Parts
from jaxcovid.training.step import largest_is_right
from tests.report import example
from tests.small_runs import config, interruption, noise_folder, numbers


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return noise_folder(tmp_path_factory.mktemp("data") / "xrays", 6, 4)


def histories(folder):
    """By member, without times."""
    rows = {}
    with (folder / "histories.csv").open(newline="") as stream:
        for line in csv.DictReader(stream):
            values = [float(line[name]) for name in Epoch._fields[:-2]]
            rows.setdefault(int(line["member"]), []).append(values)
    return {place: np.array(of_member) for place, of_member in rows.items()}


def sweep_of(data, folder, grid, **options):
    uninterrupted = interruption(10**9)
    settings = config(data, folder, views=2, **options)
    return settings, sweep(settings, grid, deferred=uninterrupted)


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
    settings, folder = sweep_of(data, tmp_path / "sweep", grid, **options)
    by_member = histories(folder)
    members = grid_members(settings, grid)
    assert list(by_member) == list(range(len(members)))
    for place in compared:
        alone = fine_tune(dataclasses.replace(members[place], output=tmp_path / str(place)))
        np.testing.assert_allclose(by_member[place], numbers(alone), atol=1e-5)


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
    assert "chosen by its balanced accuracy on the validation images" in record["warnings"][-1]
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
    assert [path.name for path in (folder / "plots").iterdir()] == ["balanced_accuracy_by_lr.png"]


@pytest.mark.system
@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("call", [1, 2])
def test_an_interrupted_sweep_goes_on_exactly(call, data, finished_sweep, tmp_path):
    grid, settings, whole = finished_sweep
    output = tmp_path / "sweep"
    with pytest.raises(Interrupted, match="interrupted"):
        sweep(dataclasses.replace(settings, output=output), grid, deferred=interruption(call))
    stored, again = stored_sweep(output)
    assert again == Grid({"lr": (1e-2, 3e38)}, 2)
    with pytest.raises(InputError, match="begun with balanced_accuracy, not loss"):
        sweep(stored, again, metric="loss")
    sweep(stored, again, deferred=interruption(10**9))
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


OLDER = {
    "drawn splits": ({}, 2, True),
    "fewer images": ({"limit_train": 8}, 2, False),
    "splits that came with the data": ({}, 2, None),
    "one seed": ({}, 1, None),
}


@pytest.mark.parametrize("options, seeds, drawn", OLDER.values(), ids=OLDER)
def test_what_an_older_version_drew_for_each_seed_is_not_mixed(options, seeds, drawn, tmp_path):
    settings = config(tmp_path, tmp_path / "old", seeds=seeds, **options)
    data = example.dataset({"train": 8, "validation": 4})
    if drawn:
        data = data._replace(members=(Member("a.png", "a", "", "train"),))
    messages = sweeps_run._drawn_otherwise(settings, data, {"seeds": seeds})
    assert bool(messages) == (drawn is not None)
    assert sweeps_run._drawn_otherwise(settings, data, {"split_seed": None}) == []


CALLERS = {
    "evaluation": Parts(evaluation=Evaluation(lambda *_: None, None)),
    "curve": Parts(curve=lambda sums: sums),
    "accuracy": Parts(correct=lambda codes, axis: largest_is_right),
}


@pytest.mark.parametrize("part", CALLERS)
def test_what_members_that_train_together_do_not_know_is_done_run_by_run(
    part, data, tmp_path, monkeypatch, capsys
):
    """Else a sweep would say that it evaluates as the original, and not do so."""
    asked = []

    def one_by_one(configs, parts, *_):
        asked.append((len(configs), parts))
        raise KeyboardInterrupt

    monkeypatch.setattr(sweeps_run, "train_one_by_one", one_by_one)
    with pytest.raises(Interrupted):
        sweep(config(data, tmp_path / "sweep"), Grid({"lr": (1e-3, 1e-2)}), parts=CALLERS[part])
    assert asked == [(2, CALLERS[part])]
    assert "evaluated in a way that only single runs know, so they train" in capsys.readouterr().out


# What is asked for, what sweep.json of a sweep to go on holds, and what it is judged by.
JUDGED = {
    "by default": (None, None, "balanced_accuracy"),
    "as asked for": ("loss", None, "loss"),
    "as it was begun": (None, {"metric": "auroc"}, "auroc"),
    "asked for again": ("auroc", {"metric": "auroc"}, "auroc"),
    "begun before there was a choice": (None, {}, "accuracy"),
}
TWO_CLASSES = Split(None, None, None, np.array([0, 1, 1], np.int32), ("a", "b", "c"), None)


@pytest.mark.parametrize("case", JUDGED)
def test_what_a_sweep_is_judged_by(case):
    asked, before, expected = JUDGED[case]
    assert judged_by(asked, before, TWO_CLASSES) == expected


REFUSED = {
    "unknown": (None, {"metric": "f1"}, TWO_CLASSES, "f1 is not one of balanced_accuracy, accuracy"),
    "another": ("loss", {}, TWO_CLASSES, "begun with accuracy, not loss"),
    "undefined": (
        "auroc", None, TWO_CLASSES._replace(labels=np.zeros(3, np.int32)), "images of two classes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_sweep_cannot_be_judged_by(case):
    asked, before, validation, message = REFUSED[case]
    with pytest.raises(InputError, match=f"`metric`: .*{message}"):
        judged_by(asked, before, validation)


def test_the_metric_is_kept(finished_sweep):
    *_, folder = finished_sweep
    assert json.loads((folder / "sweep.json").read_text())["metric"] == "balanced_accuracy"


def test_a_sweep_never_overwrites(data, tmp_path):
    with pytest.raises(InputError, match="`output`"):
        sweep_of(data, tmp_path, Grid({"lr": (0.1,)}))


def test_a_finished_sweep_is_not_resumed(finished_sweep):
    *_, folder = finished_sweep
    with pytest.raises(InputError, match="is finished"):
        stored_sweep(folder)
