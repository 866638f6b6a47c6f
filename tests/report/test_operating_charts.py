"""What charts of probabilities draw, read from their axes: nothing is rendered here."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from jaxcovid.report import operating_charts
from tests.report.drawn import axes_of, lines, texts

LABELS = np.array([0, 0, 1, 1, 2, 2])
# The scores of class 0 rank one of the others above one of its own.
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.3, 0.5, 0.2], [0.4, 0.6, 0.0], [0.1, 0.7, 0.2], [0.1, 0.1, 0.8], [0.2, 0.2, 0.6]],
    np.float32,
)  # fmt: skip
CLASSES = ("a", "b", "c")


def test_roc_areas_are_those_computed_by_hand():
    # Of 2 x 4 pairs of class 0, one is in the wrong order: 7 / 8; the others have none.
    drawn = lines(operating_charts.roc_chart(LABELS, PROBABILITIES, CLASSES, ""))
    assert list(drawn) == ["a 0.875", "b 1.000", "c 1.000"]
    for fall_out, recall in drawn.values():
        assert (fall_out[0], recall[0]) == (0, 0) and (fall_out[-1], recall[-1]) == (1, 1)


def test_average_precision_is_that_computed_by_hand():
    # The images of class 0 rank first and third: (1 / 1 + 2 / 3) / 2.
    figure = operating_charts.precision_recall_chart(LABELS, PROBABILITIES, CLASSES, "")
    assert list(lines(figure)) == ["a 0.833", "b 1.000", "c 1.000"]
    guessing = [line for line in axes_of(figure).lines if line.get_label().startswith("_")]
    assert [line.get_ydata()[0] for line in guessing] == pytest.approx([1 / 3] * 3)


CURVES = {
    "roc": operating_charts.roc_chart,
    "precision and recall": operating_charts.precision_recall_chart,
}


@pytest.mark.parametrize("case", CURVES)
def test_classes_without_images_or_without_others_have_no_curve(case):
    chart = CURVES[case]
    assert len(lines(chart(LABELS[:4], PROBABILITIES[:4], CLASSES, ""))) == 2
    alone = chart(LABELS[:2], PROBABILITIES[:2], CLASSES, "")
    assert lines(alone) == {} and texts(alone) == ["needs images of two kinds"]


def test_more_classes_make_the_legend_longer_and_not_the_axes_smaller():
    few = operating_charts.roc_chart(LABELS, PROBABILITIES, CLASSES, "")
    labels = np.arange(28) % 14
    many = operating_charts.roc_chart(
        labels, np.eye(14, dtype=np.float32)[labels], [*"abcdefghijklmn"], ""
    )
    assert many.get_figheight() > few.get_figheight()
    looks = {(to_hex(line.get_color()), line.get_linestyle()) for line in axes_of(many).lines[1:]}
    assert len(looks) == 14


def test_reliability_is_that_computed_by_hand():
    # Probabilities of the predicted class: 0.8, 0.5 (wrong), 0.6, 0.7, 0.8, 0.6.
    figure = operating_charts.reliability_chart(LABELS, PROBABILITIES, "")
    confidence, correct = lines(figure)["this network"]
    assert confidence == pytest.approx([0.5, 0.6, 0.7, 0.8], abs=1e-6)
    assert correct == [0, 1, 1, 1]
    # Of one image, and of two that are both right, as binomial tables have it.
    bars = axes_of(figure).collections[0].get_segments()
    assert [list(bar[:, 1]) for bar in bars][:2] == [
        pytest.approx([0, 0.975]),
        pytest.approx([0.158, 1], abs=1e-3),
    ]


def test_legends_give_intervals_where_they_have_room():
    intervals = {"a": (0.5, 0.9), "b": None}
    drawn = lines(
        operating_charts.roc_chart(LABELS, PROBABILITIES, CLASSES, "", intervals=intervals)
    )
    assert list(drawn) == ["a 0.875 (0.500 to 0.900)", "b 1.000", "c 1.000"]


def test_few_classes_have_bands_and_many_none():
    few = operating_charts.roc_chart(LABELS, PROBABILITIES, CLASSES, "")
    labels = np.arange(10) % 5
    many = operating_charts.roc_chart(labels, np.eye(5, dtype=np.float32)[labels], [*"abcde"], "")
    assert (len(axes_of(few).collections), len(axes_of(many).collections)) == (3, 0)
