"""The rows of tables follow from results."""

import functools

import numpy as np
import pytest

from jaxcovid.report import tables
from jaxcovid.statistics.comparison import compare
from tests.report import example

CLASSES = example.CLASSES


@functools.cache
def results(with_training=True, seed=1, patients=True):
    data = example.dataset({"train": 12, "validation": 12}, patients=patients)
    predictions = example.predictions(data, seed)
    return example.results(data, with_training, predictions=predictions)


def rows(table):
    """By the first cell."""
    return {row[0]: row[1:] for row in table["rows"]}


CELLS = {
    "with interval": (0.12345, (0.1, 0.2), {"value": "0.123", "interval": "0.100 to 0.200"}),
    "without": (0.5, None, {"value": "0.500", "interval": ""}),
    "undefined": (None, None, {"value": "—", "interval": ""}),
    "undefined but for its interval": (None, (0.0, 1.0), {"value": "—", "interval": ""}),
}


@pytest.mark.parametrize("case", CELLS)
def test_cells(case):
    value, interval, expected = CELLS[case]
    assert tables.cell(value, interval) == expected


def test_figures_over_all_classes_have_a_column_for_each_split():
    made_up = results()
    table = tables.overall_table(made_up.splits)
    assert table["header"] == [
        "figure", "train (12 images of 6 patients)", "validation (12 images of 6 patients)"
    ]  # fmt: skip
    assert list(rows(table)) == list(tables.OVERALL.values())
    for split, cell in zip(made_up.splits.values(), rows(table)["macro F1"], strict=True):
        interval = split.metrics["intervals"]["macro_f1"]
        assert cell == tables.cell(split.metrics["macro_f1"], interval)


def test_without_known_patients_only_images_are_counted():
    header = tables.overall_table(results(patients=False).splits)["header"]
    assert header[1:] == ["train (12 images)", "validation (12 images)"]


@pytest.mark.parametrize("with_training", [True, False])
def test_figures_of_classes(with_training):
    made_up = results(with_training)
    of_train, train_points, of_validation, points = tables.class_tables(made_up, made_up.splits)
    assert of_validation["title"] == "Each class against the others: validation"
    assert of_validation["header"] == ["figure", *CLASSES]
    assert rows(of_validation)["images"] == [4, 4, 4]
    per_class = made_up.splits["validation"].metrics["per_class"]
    recalls = [cell["value"] for cell in rows(of_validation)["sensitivity"]]
    assert recalls == [f"{per_class[name]['recall']:.3f}" for name in CLASSES]
    # Only where the thresholds were chosen on these images.
    assert ("a little too good" in points["caption"]) == with_training
    assert "a little too good" not in train_points["caption"]
    assert list(rows(points)) == list(tables.AT_POINTS.values())
    assert list(rows(of_train)) == list(tables.PER_CLASS.values())


def test_figures_that_no_class_has_are_left_out():
    made_up = results()
    metrics = made_up.splits["train"].metrics
    per_class = {name: {**values, "npv": None} for name, values in metrics["per_class"].items()}
    split = made_up.splits["train"]._replace(metrics={**metrics, "per_class": per_class})
    table, _ = tables.class_tables(made_up, {"train": split})
    assert "NPV" not in rows(table) and "F1" in rows(table)


def test_findings_have_a_table_before_that_of_the_classes():
    codes = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1]], np.float32)
    data = example.dataset({"validation": 12})
    predictions = {
        name: split._replace(findings=split.probabilities @ codes)
        for name, split in example.predictions(data).items()
    }
    made_up = example.results(data, False, predictions=predictions, codes=codes)
    findings, *_ = tables.class_tables(made_up, made_up.splits)
    assert findings["title"] == "Each finding by itself: validation"
    # The third output stands for images of the first class and of the third.
    assert rows(findings)["images"] == [4, 4, 8]
    exact = made_up.splits["validation"].metrics["findings"]["exact_match"]
    assert f"are right in {exact:.3f} (" in findings["caption"]


DIFFERENCES = {
    "accuracy": {"first": 0.5, "second": 0.75, "difference": 0.25, "interval": (0.1, 0.4), "p_value": 0.0001},
    "macro_f1": {"first": 0.5, "second": 0.25, "difference": -0.25, "interval": None, "p_value": None},
    "auroc": {"first": None, "second": 0.25, "difference": None, "interval": None, "p_value": None},
}  # fmt: skip


def test_differences():
    table = tables.difference_table({"differences": DIFFERENCES})
    assert table["rows"] == [
        [
            "accuracy",
            "0.500",
            "0.750",
            {"value": "+0.250", "interval": "0.100 to 0.400"},
            "< 0.001",
        ],
        ["macro F1", "0.500", "0.250", {"value": "-0.250", "interval": ""}, "—"],
    ]


def test_differences_of_real_networks_have_a_row_for_each_figure():
    first, second = (results(False, seed).splits["validation"] for seed in (1, 3))
    compared = compare(first.labels, first.probabilities, second.probabilities, CLASSES)
    assert "accuracy" in rows(tables.difference_table(compared))


def test_the_plan():
    table = tables.plan_table(example.training())
    assert rows(table)["bn1"] == ["frozen", "128", "—", "running statistics, kept"]
    assert rows(table)["fc_0"] == ["trainable", "164,160", "164,160", "—"]


def test_misclassified_images_are_those_whose_likeliest_class_is_another():
    made_up = results()
    table = tables.misclassified_table(made_up.splits)
    expected = {
        (name, split.paths[place], CLASSES[split.labels[place]], CLASSES[predicted])
        for name, split in made_up.splits.items()
        for place, predicted in enumerate(split.probabilities.argmax(1))
        if predicted != split.labels[place]
    }
    assert {tuple(row[:4]) for row in table["rows"]} == expected and expected
    assert all(row[4] > row[5] for row in table["rows"])
    assert table["of"] == 24
    for row, (split, place) in zip(table["rows"], table["places"], strict=True):
        assert made_up.splits[split].paths[place] == row[1]


def test_the_most_confidently_wrong_come_first_and_train_last():
    rows = tables.misclassified_table(results().splits)["rows"]
    splits = [row[0] for row in rows]
    assert splits == sorted(splits, key=["validation", "train"].index) and len(set(splits)) == 2
    for split in set(splits):
        confidence = [row[4] for row in rows if row[0] == split]
        assert confidence == sorted(confidence, reverse=True)


def test_the_first_table_holds_sensitivity_and_specificity_of_the_main_split():
    made_up = results()
    table = tables.sensitivity_table(made_up)
    of_classes = made_up.splits["validation"].metrics["per_class"]
    assert list(rows(table)) == list(CLASSES)
    images, sensitivity, specificity = rows(table)[CLASSES[0]]
    assert (images, sensitivity["value"]) == (4, f"{of_classes[CLASSES[0]]['recall']:.3f}")
    assert specificity["value"] == f"{of_classes[CLASSES[0]]['specificity']:.3f}"


FIGURES = {
    "whole": ({"value": 0.5, "low": 0.4, "high": 0.6}, {"value": "0.500", "interval": "0.400 to 0.600"}),
    "without interval": ({"value": 0.5, "low": None, "high": None}, {"value": "0.500", "interval": ""}),
    "undefined": (None, {"value": "—", "interval": ""}),
}  # fmt: skip


@pytest.mark.parametrize("case", FIGURES)
def test_cells_of_audits(case):
    figure, expected = FIGURES[case]
    assert tables.figure_cell(figure) == expected


P_VALUES = {"none": (None, "—"), "small": (0.00099, "< 0.001"), "else": (0.0123, "0.012")}


@pytest.mark.parametrize("case", P_VALUES)
def test_p_values(case):
    p_value, expected = P_VALUES[case]
    assert tables.p_words(p_value) == expected


NAMES = {
    "macro_f1": "macro F1",
    "auroc": "macro AUROC",
    "recall of not of <b>": "sensitivity of not of <b>",
}


@pytest.mark.parametrize("name", NAMES)
def test_names_of_differences(name):
    assert tables.difference_name(name) == NAMES[name]
