"""What is said of operating points that were asked for, on the page and on the terminal."""

import numpy as np
import pytest

from jaxcovid.report.page import run_page
from jaxcovid.report.pictures import run_pictures
from jaxcovid.report.points import reached_points
from jaxcovid.report.tables import class_tables, points_table
from jaxcovid.report.text import run_summary
from tests.report import example
from tests.small_runs import blank_charts

NAME = "normal & healthy"
ASKED = [f"{NAME}:sensitivity=0.95", f"{NAME}:specificity=0.8"]


@pytest.fixture(scope="module")
def results():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(example.SETTINGS, "operating_point", ASKED)
        return example.results(example.dataset({"train": 20, "validation": 60, "test": 60}))


def test_points_are_fixed_on_validation_images_and_reached_elsewhere(results):
    validation, test = (
        [*reached_points(results.splits[name].metrics)] for name in ("validation", "test")
    )
    assert [(point.name, point.asked) for point in test] == [
        (NAME, "sensitivity 0.95"), (NAME, "specificity 0.8")
    ]  # fmt: skip
    assert validation[0].sensitivity >= 0.95 and validation[1].specificity >= 0.8
    for here, there in zip(validation, test, strict=True):
        assert here.threshold == there.threshold == results.thresholds[NAME][here.asked.replace(" ", "=")]  # fmt: skip
        low, high = there.of_sensitivity
        assert low <= there.sensitivity <= high


def test_the_table_says_where_thresholds_are_from(results):
    table = points_table(results, "test")
    assert table["caption"] == "Thresholds were fixed on the run's validation images."
    assert "these very ones" in points_table(results, "validation")["caption"]
    assert [row[:2] for row in table["rows"]] == [
        [NAME, "sensitivity 0.95"],
        [NAME, "specificity 0.8"],
    ]
    assert class_tables(results, {"test": results.splits["test"]})[1] == table
    folded = points_table(results._replace(folds=object()), "test")
    assert "each has its own" in folded["caption"]
    of_folds = results._replace(settings={"run": {"folds": 5}}, training=None)
    assert "that they left out" in points_table(of_folds, "test")["caption"]


def test_page_and_terminal_tell_them(results):
    with blank_charts():
        drawn = dict(run_pictures(results))
    assert [name for name in drawn if name.startswith("net_benefit")] == [
        "net_benefit_test_1", "net_benefit_validation_1"
    ]  # fmt: skip
    page = run_page(results, drawn)
    assert "Operating points: test" in page and "net benefit of calling" in page
    assert f"{NAME} called at sensitivity 0.95 (test images): sensitivity " in run_summary(results)


def test_without_points_nothing_is_said():
    bare = example.results(example.dataset({"test": 20}), with_training=False)
    assert [*reached_points(bare.splits["test"].metrics)] == [] == [*reached_points(None)]
    assert points_table(bare, "test") is None
    assert "called at" not in run_summary(bare)


def test_on_the_images_that_fixed_it_that_is_said():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(example.SETTINGS, "operating_point", [f"{NAME}:specificity=0.99"])
        own = example.results(example.dataset({"train": 20, "validation": 60}))
    assert "(validation images, which fixed the threshold): " in run_summary(own)


@pytest.mark.parametrize("key", ["sensitivity=high", "x", "", "recall=0.5", "sensitivity=nan"])
def test_what_else_stands_among_thresholds_is_left_aside(key):
    data = example.dataset({"test": 20})
    odd = example.results(data, with_training=False, thresholds={NAME: {"90": 0.5, key: 0.5}})
    assert [*reached_points(odd.splits["test"].metrics)] == []


def test_a_point_of_a_class_that_is_not_there_says_so():
    data = example.dataset({"test": 30})
    labels = np.where(data.splits["test"].labels == 1, 0, data.splits["test"].labels)
    without = data._replace(splits={"test": data.splits["test"]._replace(labels=labels)})
    known = {NAME: {"sensitivity=0.95": 0.5}}
    said = run_summary(example.results(without, with_training=False, thresholds=known))
    assert "sensitivity undefined (no example is of this class), specificity " in said
