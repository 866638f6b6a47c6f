"""What charts draw, read from their axes: nothing is rendered here."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from jaxcovid.report import DISCLAIMER, charts

HISTORY = [
    {"epoch": 1, "step": 4, "train_loss": 0.9, "validation_loss": 1.0, "train_accuracy": 0.5, "validation_accuracy": 0.4},
    {"epoch": 2, "step": 8, "train_loss": 0.6, "validation_loss": 0.8, "train_accuracy": 0.7, "validation_accuracy": 0.6},
]  # fmt: skip
LABELS = np.array([0, 0, 1, 1, 2, 2])
# The scores of class 0 rank one of the others above one of its own.
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.3, 0.5, 0.2], [0.4, 0.6, 0.0], [0.1, 0.7, 0.2], [0.1, 0.1, 0.8], [0.2, 0.2, 0.6]],
    np.float32,
)  # fmt: skip
CLASSES = ("a", "b", "c")


def axes_of(figure):
    return figure.axes[0]


def lines(figure):
    """Coordinates by label, of the lines that a legend lists."""
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for line in axes_of(figure).lines
        if not line.get_label().startswith("_")
    }


def texts(figure):
    return [text.get_text() for text in axes_of(figure).texts]


COMPARED = {
    "accuracy": {"difference": 0.1, "interval": (0.05, 0.15)},
    "macro_f1": {"difference": None, "interval": None},
    "auroc": {"difference": -0.2, "interval": None},
}
ALL = {
    "learning_curve": lambda title: charts.learning_curve(HISTORY, "loss", title),
    "repeated_curves": lambda title: charts.repeated_curves(
        {"one": [HISTORY]}, "loss", title, ("epoch", 2), 1.0
    ),
    "confusion_chart": lambda title: charts.confusion_chart([[1, 0], [0, 1]], ("a", "b"), title),
    "roc_chart": lambda title: charts.roc_chart(LABELS, PROBABILITIES, CLASSES, title),
    "precision_recall_chart": lambda title: charts.precision_recall_chart(
        LABELS, PROBABILITIES, CLASSES, title
    ),
    "reliability_chart": lambda title: charts.reliability_chart(LABELS, PROBABILITIES, title),
    "difference_chart": lambda title: charts.difference_chart(COMPARED, title),
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
    for split in ("train", "validation"):
        assert lines(figure)[split] == ([1, 2], [row[f"{split}_{name}"] for row in HISTORY])
    low, high = axes_of(figure).get_ylim()
    assert low == 0 and (top is None or high == top)


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
    assert colours == ["white", "black", "black", "black"]
    assert (axes_of(figure).get_xlabel(), axes_of(figure).get_ylabel()) == ("predicted", "true")


def test_roc_areas_are_those_computed_by_hand():
    # Of 2 x 4 pairs of class 0, one is in the wrong order: 7 / 8; the others have none.
    drawn = lines(charts.roc_chart(LABELS, PROBABILITIES, CLASSES, ""))
    assert list(drawn) == ["a (0.875)", "b (1.000)", "c (1.000)"]
    for fall_out, recall in drawn.values():
        assert (fall_out[0], recall[0]) == (0, 0) and (fall_out[-1], recall[-1]) == (1, 1)


def test_average_precision_is_that_computed_by_hand():
    # The images of class 0 rank first and third: (1 / 1 + 2 / 3) / 2.
    figure = charts.precision_recall_chart(LABELS, PROBABILITIES, CLASSES, "")
    assert list(lines(figure)) == ["a (0.833)", "b (1.000)", "c (1.000)"]
    guessing = [line for line in axes_of(figure).lines if line.get_label().startswith("_")]
    assert [line.get_ydata()[0] for line in guessing] == pytest.approx([1 / 3] * 3)


CURVES = {"roc": charts.roc_chart, "precision and recall": charts.precision_recall_chart}


@pytest.mark.parametrize("case", CURVES)
def test_classes_without_images_or_without_others_have_no_curve(case):
    chart = CURVES[case]
    assert len(lines(chart(LABELS[:4], PROBABILITIES[:4], CLASSES, ""))) == 2
    alone = chart(LABELS[:2], PROBABILITIES[:2], CLASSES, "")
    assert lines(alone) == {} and texts(alone) == ["needs two classes"]


def test_more_classes_make_the_legend_longer_and_not_the_axes_smaller():
    few = charts.roc_chart(LABELS, PROBABILITIES, CLASSES, "")
    labels = np.arange(28) % 14
    many = charts.roc_chart(labels, np.eye(14, dtype=np.float32)[labels], [*"abcdefghijklmn"], "")
    assert many.get_figheight() > few.get_figheight()
    looks = {(to_hex(line.get_color()), line.get_linestyle()) for line in axes_of(many).lines[1:]}
    assert len(looks) == 14


def test_reliability_is_that_computed_by_hand():
    # Probabilities of the predicted class: 0.8, 0.5 (wrong), 0.6, 0.7, 0.8, 0.6.
    figure = charts.reliability_chart(LABELS, PROBABILITIES, "")
    confidence, correct = lines(figure)["this network"]
    assert confidence == pytest.approx([0.5, 0.6, 0.7, 0.8], abs=1e-6)
    assert correct == [0, 1, 1, 1]
    heights = [bar.get_height() for bar in figure.axes[1].patches]
    assert sum(heights) == 6 and sorted(heights)[-4:] == [1, 1, 2, 2]


def test_differences_that_are_undefined_are_left_out():
    figure = charts.difference_chart(COMPARED, "")
    labels = [label.get_text() for label in axes_of(figure).get_yticklabels()]
    assert labels == ["accuracy", "auroc"]
    _, interval, dot, lonely = axes_of(figure).lines  # the first marks zero
    assert list(interval.get_xdata()) == [0.05, 0.15] and list(dot.get_xdata()) == [0.1]
    assert (list(lonely.get_xdata()), list(lonely.get_ydata())) == ([-0.2], [1])


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
