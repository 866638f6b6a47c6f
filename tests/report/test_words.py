import pytest

from jaxcovid.report import words

FIGURES = {
    "with its interval": ({"value": 0.5, "low": 0.4, "high": 0.6}, "0.500 (0.400 to 0.600)"),
    "without": ({"value": 0.5, "low": None, "high": None}, "0.500 (no interval)"),
    "without, and why": (
        {"value": 1.0, "low": None, "high": None, "reason": "all alike"}, "1.000 (no interval: all alike)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FIGURES)
def test_a_figure(case):
    values, expected = FIGURES[case]
    assert words.figure(values) == expected


P_VALUES = {0.0009: "p < 0.001", 0.001: "p = 0.001", 0.5: "p = 0.500"}


@pytest.mark.parametrize("value", P_VALUES)
def test_a_p_value_is_never_0(value):
    assert words.p_value(value) == P_VALUES[value]
    assert words.p_value(value).endswith(words.p_number(value))


SENTENCES = {"a b": "A b.", "a b.": "A b.", "A?": "A?", "": ""}


@pytest.mark.parametrize("text", SENTENCES)
def test_a_sentence(text):
    assert words.sentence(text) == SENTENCES[text]


def test_images_of_a_folder_without_splits_are_all():
    assert words.images_of("test") == "the test images"
    assert words.images_of("images") == "all images"


def test_names_that_are_long_or_many():
    assert words.short("x" * 50) == "x" * 37 + "..."
    assert words.first_of(["a", "b", "c"], 2) == "a, b, ..."
    assert words.listed(["a", "b", "c"]) == "a, b and c"
