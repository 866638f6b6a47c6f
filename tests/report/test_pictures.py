"""Which pictures there are, what they say, and that they are the same bytes for the same data."""

import base64
import functools
import io

import numpy as np
import pytest
from PIL import Image

from jaxcovid.report import charts
from jaxcovid.report.pictures import (
    Picture,
    audit_pictures,
    chart_picture,
    comparison_picture,
    picture_bytes,
    run_pictures,
)
from jaxcovid.statistics.comparison import compare
from tests.report import example, planted
from tests.small_runs import blank_charts


@functools.cache
def results(with_training, seed=1):
    data = example.dataset({"train": 6, "validation": 6})
    predictions = example.predictions(data, seed)
    return example.results(data, with_training, predictions=predictions)


@functools.cache
def pictures(with_training):
    """By name, in their order; charts are blank."""
    with blank_charts():
        return dict(run_pictures(results(with_training)))


def png(size):
    buffer = io.BytesIO()
    Image.new("L", size).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("size", [(1, 1), (300, 70), (70, 300)])
def test_a_picture_knows_its_size_and_how_a_page_embeds_it(size):
    picture = Picture(png(size), "nothing")
    assert (picture.width, picture.height) == size
    assert base64.b64decode(picture.base64) == picture.content


def test_the_same_chart_is_the_same_bytes_of_a_png():
    first, second = (
        picture_bytes(charts.confusion_chart([[3, 1], [0, 2]], ("a", "b"), "matrix"))
        for _ in range(2)
    )
    assert first == second
    with Image.open(io.BytesIO(first)) as image:
        assert image.format == "PNG" and "Software" not in image.info


def test_names_that_the_font_lacks_are_no_warning():
    figure = charts.confusion_chart([[1, 0], [0, 1]], ("正常", "肺炎"), "")
    picture = chart_picture(figure, "matrix")  # warnings are errors here
    assert picture.alt == "matrix" and "肺炎" in picture.svg


OF_RUN = [
    "loss", "accuracy", "training_views", "classes", "referral", "confusion_validation",
    "roc_validation",
    "precision_recall_validation", "reliability_validation", "confusion_train",
]  # fmt: skip
OF_EVALUATION = ["classes", "referral"] + [
    f"{kind}_{split}"
    for split in ("validation", "train")
    for kind in ("confusion", "roc", "precision_recall", "reliability")
]
NAMES = {"run": (True, OF_RUN), "evaluation": (False, OF_EVALUATION)}


@pytest.mark.parametrize("case", NAMES)
def test_which_pictures_there_are(case):
    with_training, charts_of_case = NAMES[case]
    # Two images of each of three classes are all examples.
    examples = [f"example_{n}{kind}" for n in range(6) for kind in ("", "_grad_cam")]
    assert list(pictures(with_training)) == charts_of_case + examples


def test_an_unlabelled_split_has_no_pictures():
    made_up = results(True)
    unlabelled = made_up.splits["train"]._replace(metrics=None)
    made_up = made_up._replace(
        splits={"train": unlabelled}, main="train", examples=(), training=None
    )
    assert list(run_pictures(made_up)) == []


def test_what_pictures_say_follows_from_the_results():
    made_up = results(True)
    alts = {name: picture.alt for name, picture in pictures(True).items()}
    metrics = made_up.splits["validation"].metrics
    matrix = np.array(metrics["confusion_matrix"])
    first = example.CLASSES[0]
    assert f"of 2 {first}, {matrix[0, 0]} right" in alts["confusion_validation"]
    assert f"{first} {metrics['per_class'][first]['auroc']:.3f}" in alts["roc_validation"]
    assert f"calibration error {metrics['ece']:.3f}" in alts["reliability_validation"]
    assert alts["loss"] == (
        "Over 3 epoch(s) train loss goes from 1.000 to 0.333, validation loss goes from 1.100 to 0.600; "
        "measured after epoch 2"
    )
    assert alts["training_views"].startswith("8 training images")
    path = made_up.splits["validation"].paths[made_up.examples[0].place]
    assert path in alts["example_0"] and path in alts["example_0_grad_cam"]


def test_areas_that_are_undefined_are_called_so(undrawn):
    data = example.dataset({"validation": 1})
    alts = {name: picture.alt for name, picture in run_pictures(example.results(data, False))}
    assert "undefined" in alts["roc_validation"]


def test_the_picture_of_a_comparison(undrawn):
    first, second = results(False), results(False, seed=3)
    split = first.splits["validation"]
    other = second.splits["validation"].probabilities
    compared = compare(split.labels, split.probabilities, other, first.classes)
    name, picture = comparison_picture(first, second, compared)
    assert name == "differences"
    assert f"accuracy {compared['differences']['accuracy']['difference']:+.3f}" in picture.alt


def test_pictures_of_an_audit(undrawn):
    audit = planted.audit()
    doubted = [pair[0] for pair in audit.pictures[:1]]
    drawn = dict(audit_pictures(audit._replace(doubted=doubted)))
    sides = [f"duplicate_{number}_{side}" for number in (0, 1) for side in ("one", "other")]
    assert list(drawn) == ["floors", *sides, "learning_curve", "doubted_0"]
    assert "100 patients 0.604; 200 patients 0.655; 400 patients 0.700" in (
        drawn["learning_curve"].alt
    )
    assert "a/0<b>.png" in drawn["doubted_0"].alt
    assert "border of the image 0.870" in drawn["floors"].alt
    assert "the network 0.930" in drawn["floors"].alt and "features" not in drawn["floors"].alt
    assert planted.PAIRS[1]["other"]["path"] in drawn["duplicate_1_other"].alt


def test_an_audit_that_measured_no_floor_has_no_chart(undrawn):
    assert list(audit_pictures(planted.audit(planted.UNKNOWN))) == []


CAPTIONS = {"not given": (None, "costs $5"), "none": ("", ""), "given": ("test", "test")}


@pytest.mark.parametrize("case", CAPTIONS)
def test_what_stands_below_a_chart(case, undrawn):
    caption, expected = CAPTIONS[case]
    figure = charts.confusion_chart([[1, 0], [0, 1]], ("a", "b"), "costs $5")
    assert chart_picture(figure, "matrix", caption).caption == expected


WIDTHS = {
    "photograph": ("", False),
    "small": ('<svg width="300">', False),
    "large": ('<svg width="900">', True),
}


@pytest.mark.parametrize("case", WIDTHS)
def test_large_charts_stand_alone(case):
    svg, is_large = WIDTHS[case]
    assert Picture(b"", "", svg).is_large == is_large
