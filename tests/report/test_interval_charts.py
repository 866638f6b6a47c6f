"""What charts of figures with intervals draw, read from their axes."""

import pytest

from jaxcovid.report import interval_charts
from jaxcovid.report.interval_charts import Row

COMPARED = {
    "accuracy": {"difference": 0.1, "interval": (0.05, 0.15)},
    "macro_f1": {"difference": None, "interval": None},
    "auroc": {"difference": -0.2, "interval": None},
}


def axes_of(figure):
    return figure.axes[0]


def test_differences_that_are_undefined_are_left_out():
    figure = interval_charts.difference_chart(COMPARED, "")
    labels = [label.get_text() for label in axes_of(figure).get_yticklabels()]
    assert labels == ["accuracy", "auroc"]
    _, interval, dot, lonely = axes_of(figure).lines  # the first marks zero
    assert list(interval.get_xdata()) == [0.05, 0.15] and list(dot.get_xdata()) == [0.1]
    assert (list(lonely.get_xdata()), list(lonely.get_ydata())) == ([-0.2], [1])


def names(figure):
    return [label.get_text() for label in axes_of(figure).get_yticklabels()]


def test_floors_lie_beside_the_network():
    floors = [Row("border", 0.8, (0.7, 0.9)), Row("headers", 0.6, None)]
    figure = interval_charts.floor_chart(floors, Row("the network", 0.95, (0.9, 0.99)), "")
    assert names(figure) == ["border", "headers"]
    guessing, network, interval, dot, lonely = axes_of(figure).lines
    assert (guessing.get_xdata()[0], network.get_xdata()[0]) == (0.5, 0.95)
    assert list(interval.get_xdata()) == [0.7, 0.9]
    assert (list(dot.get_xdata()), list(lonely.get_xdata())) == ([0.8], [0.6])
    (band,) = axes_of(figure).patches
    assert (band.get_x(), band.get_x() + band.get_width()) == (0.9, 0.99)


PLACES = {
    "far": (0.9, ("center", "center")),
    "a little better": (0.53, ("right", "left")),
    "a little worse": (0.47, ("left", "right")),
}


@pytest.mark.parametrize("case", PLACES)
def test_words_at_lines_near_to_each_other_do_not_overlap(case):
    value, sides = PLACES[case]
    figure = interval_charts.floor_chart([], Row("the network", value, (value - 0.2, 1)), "")
    places = {text.get_text(): text.get_ha() for text in axes_of(figure).texts}
    assert (places["guessing"], places["the network"]) == sides
    assert axes_of(figure).get_xlim()[0] < value - 0.2


def test_floors_without_a_network():
    figure = interval_charts.floor_chart([Row("border", 0.2, (0.1, 0.9))], None, "")
    assert [text.get_text() for text in axes_of(figure).texts] == ["guessing"]
    assert axes_of(figure).get_xlim()[0] < 0.1


def test_figures_of_classes_that_are_undefined_have_no_dot():
    rows = {
        "sensitivity": [Row("a", 0.5, (0.4, 0.6)), Row("b", None, None)],
        "specificity": [Row("a", 0.9, None), Row("b", 1.0, None)],
    }
    figure = interval_charts.class_chart(rows, "")
    assert names(figure) == ["a", "b"]
    legend = [text.get_text() for text in axes_of(figure).get_legend().get_texts()]
    assert legend == ["sensitivity", "specificity"]
    dots = [line for line in axes_of(figure).lines if line.get_marker() != "None"]
    assert [dot.get_xdata()[0] for dot in dots] == [0.5, 0.9, 1.0]
