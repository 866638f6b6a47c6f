"""Networks of shares of the patients: which images they train on, and that all is one run's."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from jaxcovid.errors import InputError
from jaxcovid.runs.run import fine_tune
from jaxcovid.sweeps import learning_curve as curves
from jaxcovid.sweeps.learning_curve import DRAWS, SHARES, learning_curve
from tests.small_runs import blank_charts, config, noise_folder

LABELS = np.repeat([0, 1, 2], [160, 320, 32])
PEOPLE = np.arange(512) // 2


def drawn(seed=0):
    return [curves._order(LABELS, PEOPLE, seed, draw) for draw in range(DRAWS)]


def test_shares_are_nested_of_whole_patients_and_in_proportion():
    for order in drawn():
        before = set()
        for share in SHARES:
            rows = curves._first_share(order, PEOPLE, share)
            assert len(np.unique(PEOPLE[rows])) == round(share * 256)
            assert len(rows) == 2 * round(share * 256)  # both images of each
            assert before <= set(rows.tolist())
            before = set(rows.tolist())
            counts = np.bincount(LABELS[rows], minlength=3)
            np.testing.assert_allclose(counts, share * np.array([160, 320, 32]), atol=3)
        assert len(before) == 512


def test_draws_differ_and_the_seed_decides():
    first, second, third = (order.tolist() for order in drawn())
    assert len({tuple(first), tuple(second), tuple(third)}) == DRAWS
    assert [order.tolist() for order in drawn()] == [first, second, third]
    assert drawn(1)[0].tolist() != first


def test_what_makes_a_fold_harder_at_all_sizes_is_left_out():
    errors = np.array([[0.3, 0.5], [0.2, 0.4], [0.1, 0.4]])
    levelled = curves._levelled(errors)
    np.testing.assert_allclose(levelled.mean(1), errors.mean(1))
    np.testing.assert_allclose(levelled.mean(0), [errors.mean()] * 2)
    np.testing.assert_allclose(curves._levelled(errors[None]), levelled[None])


@pytest.fixture
def settings(tmp_path):
    data = noise_folder(tmp_path / "data", 32, 8)
    return config(data, tmp_path / "run", trainable="head", views=1, select="last", lr=0.1)


@pytest.mark.system
def test_the_whole_share_is_the_run_itself(settings):
    curve = learning_curve(settings)
    assert curve["measured"] == "validation" and curve["epochs"] == 2
    assert [point["share"] for point in curve["points"]] == list(SHARES)
    assert [point["patients"] for point in curve["points"]] == [4, 8, 16, 32, 64]
    with blank_charts():
        run = fine_tune(settings)
    metrics = json.loads((run / "metrics.json").read_text())
    assert curve["points"][-1]["draws"][0] == pytest.approx(
        metrics["validation"]["auroc"], abs=1e-6
    )
    for point in curve["points"]:
        area = point["auroc"]
        assert area["low"] <= area["value"] <= area["high"]
        assert area["value"] == pytest.approx(np.mean(point["draws"]))


@pytest.mark.system
def test_with_folds_each_network_is_measured_on_what_its_fold_leaves_out(settings):
    folded = config(
        settings.data, settings.output, trainable="head", views=1, select="last", lr=0.1, folds=2
    )
    curve = learning_curve(folded)
    assert curve["measured"] == "out_of_fold"
    assert [point["patients"] for point in curve["points"]] == [2, 4, 8, 17, 34]
    with blank_charts():
        run = fine_tune(dataclasses.replace(folded, fold=1))
    metrics = json.loads((run / "metrics.json").read_text())
    last = curve["points"][-1]
    assert last["draws"][0] == pytest.approx(metrics["test"]["auroc"], abs=1e-6)
    assert len(last["draws"]) == 2
    assert last["auroc"]["value"] == pytest.approx(np.mean(last["draws"]))


UNFIT = {
    "nothing frozen": ({"trainable": "all", "views": 0}, "nothing is frozen in this network"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_what_has_no_learning_curve_says_why(case, settings):
    options, message = UNFIT[case]
    other = config(settings.data, settings.output, **options)
    with pytest.raises(InputError, match=f"`learning_curve`: {message}"):
        learning_curve(other)


def test_a_measured_split_of_one_class_is_told_before_anything_trains(settings):
    folder = Path(settings.data)
    (folder / "test").mkdir()
    shutil.copytree(folder / "validation/covid", folder / "test/covid")
    with pytest.raises(InputError, match="the test images are of one class or one patient"):
        learning_curve(settings)


@pytest.mark.system
@pytest.mark.filterwarnings("ignore:overflow")
def test_a_network_that_diverges_is_told(settings):
    diverging = config(settings.data, settings.output, trainable="head", views=1, lr=3e38)
    with pytest.raises(InputError, match="a network diverged; take a run with a lower `lr`"):
        learning_curve(diverging)


def test_too_few_patients_of_a_class_are_told(tmp_path):
    data = noise_folder(tmp_path / "data", 5, 4)
    with pytest.raises(InputError, match=r"0\.0625 of the patients may have no image of class"):
        learning_curve(config(data, tmp_path / "run", trainable="head", views=1))
