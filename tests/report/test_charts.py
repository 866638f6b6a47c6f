"""What charts draw, read from their axes: nothing is rendered here."""

import numpy as np
import pytest

from jaxcovid.report import DISCLAIMER, charts, interval_charts, operating_charts
from jaxcovid.report.drawing import INK, PAPER
from tests.report.drawn import axes_of, lines, texts

HISTORY = [
    {"epoch": 1, "step": 4, "train_loss": 0.9, "validation_loss": 1.0, "train_accuracy": 0.5, "validation_accuracy": 0.4},
    {"epoch": 2, "step": 8, "train_loss": 0.6, "validation_loss": 0.8, "train_accuracy": 0.7, "validation_accuracy": 0.6},
]  # fmt: skip
LABELS, PROBABILITIES = np.arange(3), np.eye(3, dtype=np.float32)
ROW = interval_charts.Row("a", 0.5, (0.4, 0.6))


SPLITS = ("train", "validation")


ALL = {
    "learning_curve": lambda title: charts.learning_curve(HISTORY, "loss", title),
    "repeated_curves": lambda title: charts.repeated_curves(
        {"one": [HISTORY]}, "loss", title, ("epoch", 2), 1.0
    ),
    "confusion_chart": lambda title: charts.confusion_chart([[1, 0], [0, 1]], ("a", "b"), title),
    "roc_chart": lambda title: operating_charts.roc_chart(LABELS, PROBABILITIES, "abc", title),
    "precision_recall_chart": lambda title: operating_charts.precision_recall_chart(
        LABELS, PROBABILITIES, "abc", title
    ),
    "reliability_chart": lambda title: operating_charts.reliability_chart(
        LABELS, PROBABILITIES, title
    ),
    "difference_chart": lambda title: interval_charts.difference_chart({}, title),
    "class_chart": lambda title: interval_charts.class_chart({"recall": [ROW]}, title),
    "floor_chart": lambda title: interval_charts.floor_chart([ROW], None, title),
    "setting_chart": lambda title: charts.setting_chart({"": [(1.0, [0.5])]}, "lr", title),
}


@pytest.mark.parametrize("name", ALL)
def test_every_chart_has_its_title_and_the_disclaimer(name):
    figure = ALL[name]("costs $5")
    assert figure.get_suptitle() == r"costs \$5"  # not TeX
    assert figure.get_supxlabel() == DISCLAIMER


@pytest.mark.parametrize(("name", "top"), [("loss", None), ("accuracy", 1.02)])
def test_learning_curves_hold_both_splits(name, top):
    figure = charts.learning_curve(HISTORY, name, "")
    for split in SPLITS:
        assert lines(figure)[split] == ([1, 2], [row[f"{split}_{name}"] for row in HISTORY])
    low, high = axes_of(figure).get_ylim()
    assert low == 0 and (top is None or high == top)


def test_a_single_epoch_is_the_only_tick():
    axes = axes_of(charts.learning_curve(HISTORY[:1], "loss", ""))
    assert list(axes.get_xticks()) == [1]
    assert axes.get_ylim()[1] > 1.05 * max(HISTORY[0][f"{split}_loss"] for split in SPLITS)


ACROSS = {"epoch": ([1, 2], "epoch"), "step": ([4, 8], "updates")}


@pytest.mark.parametrize("column", ACROSS)
def test_repeated_curves_share_axes_and_list_a_group_once(column):
    along, label = ACROSS[column]
    groups = {"one": [HISTORY, HISTORY], "two": [HISTORY]}
    figure = charts.repeated_curves(groups, "accuracy", "", (column, 10), 0.8)
    assert list(lines(figure)) == [
        f"{group}, {split}" for group in groups for split in ("train", "validation")
    ]
    assert len(axes_of(figure).lines) == 6
    assert lines(figure)["two, validation"] == (along, [0.4, 0.6])
    assert axes_of(figure).get_xlabel() == label
    assert axes_of(figure).get_xlim() == (0, 10.3) and axes_of(figure).get_ylim() == (0, 0.8)


def test_a_confusion_matrix_counts_and_shares_of_the_true_class():
    figure = charts.confusion_chart([[3, 1], [0, 0]], ("a", "b"), "")
    assert texts(figure) == ["3\n75%", "1\n25%", "0\n0%", "0\n0%"]
    colours = [text.get_color() for text in axes_of(figure).texts]
    assert colours == [PAPER, INK, INK, INK]
    shades = [patch.get_alpha() for patch in axes_of(figure).patches]
    assert shades == [0.75, 0.25, 0, 0]
    assert (axes_of(figure).get_xlabel(), axes_of(figure).get_ylabel()) == ("predicted", "true")


POINTS = [(0.01, [0.6, 0.8]), (0.1, []), (0.001, [0.5])]
SCALES = {
    "a factor of ten": ([0.001, 0.01], "log"),
    "less": ([0.5, 0.9], "linear"),
    "zero": ([0.0, 10.0], "linear"),
}


def test_the_line_against_a_setting_goes_through_the_means():
    figure = charts.setting_chart({"momentum 0.9": POINTS, "momentum 0": [(0.01, [])]}, "lr", "")
    dots = axes_of(figure).lines[0]
    assert list(dots.get_xdata()) == [0.01, 0.01, 0.001]
    assert list(dots.get_ydata()) == [0.6, 0.8, 0.5]
    values, means = lines(figure)["momentum 0.9"]
    assert values == [0.001, 0.01] and means == pytest.approx([0.5, 0.7])
    assert lines(figure)["momentum 0"] == ([], [])
    assert axes_of(figure).get_legend() is not None


@pytest.mark.parametrize("case", SCALES)
def test_the_scale_of_a_setting(case):
    values, scale = SCALES[case]
    figure = charts.setting_chart({"": [(value, [0.5]) for value in values]}, "lr", "")
    assert axes_of(figure).get_xscale() == scale
    assert axes_of(figure).get_legend() is None


RANGES = {
    "little spread": ([[0.50], [0.52]], (0.41, 0.61)),
    "at the top": ([[0.99, 1.0]], (0.895, 1.01)),
    "none known": ([[]], (-0.01, 1.01)),
}


@pytest.mark.parametrize("case", RANGES)
def test_the_range_of_accuracies_does_not_magnify_chance(case):
    accuracies, expected = RANGES[case]
    points = [(float(place + 1), known) for place, known in enumerate(accuracies)]
    figure = charts.setting_chart({"": points}, "lr", "")
    assert axes_of(figure).get_ylim() == pytest.approx(expected)


NAMES = {
    "plain": ("normal", "normal"),
    "TeX": ("$a", r"\$a"),
    "hidden in legends": ("_a", " _a"),
    "long": ("left-sided pneumonia", "left-sid…neumonia"),
}


@pytest.mark.parametrize("case", NAMES)
def test_names_of_classes_in_charts(case):
    name, expected = NAMES[case]
    figure = charts.confusion_chart([[1, 0], [0, 1]], (name, "b"), "")
    assert axes_of(figure).get_xticklabels()[0].get_text() == expected
