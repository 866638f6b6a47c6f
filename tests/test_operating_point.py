"""Operating points as text: what is understood, and what is told of the rest."""

import pytest

from jaxcovid.operating_point import OperatingPoint, parsed, points_of, unfit_points

GOOD = {
    "sensitivity": ("covid-19:sensitivity=0.95", OperatingPoint("covid-19", "sensitivity", 0.95)),
    "specificity": ("normal:specificity=.9", OperatingPoint("normal", "specificity", 0.9)),
    "a colon in the name": ("a:b:sensitivity=0.5", OperatingPoint("a:b", "sensitivity", 0.5)),
}


@pytest.mark.parametrize("text, point", GOOD.values(), ids=GOOD)
def test_what_is_understood(text, point):
    assert parsed(text) == point
    assert points_of({"operating_point": [text]}) == [point]
    assert unfit_points([text], ()) == []


def test_a_point_has_a_name_among_thresholds():
    assert parsed("a:sensitivity=0.950").key == "sensitivity=0.95"
    assert points_of({}) == []


BAD = ["a", "a:0.9", "a:recall=0.9", ":sensitivity=0.9", "a:sensitivity=", "a:sensitivity=high",
       "a:sensitivity=1", "a:sensitivity=0", "a:sensitivity=nan", "a:sensitivity=95"]  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_what_is_not(text):
    (problem,) = unfit_points([text], ("a",))
    assert problem.startswith(f"`operating_point`: {text!r} is not CLASS:sensitivity=NUMBER")


def test_a_class_that_there_is_not():
    texts = ["b:sensitivity=0.9", "a:sensitivity=0.9", "c:specificity=0.9"]
    assert unfit_points(texts, ("a", "d")) == [
        "`operating_point`: 'b' is no class; there are a, d",
        "`operating_point`: 'c' is no class; there are a, d",
    ]
