"""Charts as part of a page."""

import re
from xml.etree import ElementTree

from jaxcovid.report import charts
from jaxcovid.report.svg import inline_svg

NAME = "<b>$a & \"b'"


def drawn(alt="matrix"):
    figure = charts.confusion_chart([[3, 1], [0, 2]], (NAME, "b"), "title of the file")
    return inline_svg(figure, alt)


def test_the_same_chart_is_the_same_text():
    assert drawn() == drawn()


def test_names_are_only_names_and_titles_are_left_out():
    svg = ElementTree.fromstring(drawn(f"matrix of {NAME}"))
    assert svg.get("aria-label") == f"matrix of {NAME}"
    texts = [element.text for element in svg.iter("text")]
    assert texts.count(NAME) == 2 and "true" in texts
    assert not {"title of the file", "Not for clinical use."} & set(texts)


def test_colours_and_letters_are_the_page_s():
    svg = drawn()
    assert "var(--accent)" in svg and "var(--paper)" in svg and "currentColor" in svg
    assert not re.findall("#[0-9a-f]{6}\\b", svg) and "font-family" not in svg


def test_ids_are_those_used_and_charts_do_not_share_them():
    one, other = (set(re.findall(r' id="([^"]+)"', drawn(alt))) for alt in ("one", "other"))
    used = set(re.findall(r'#([\w-]+)[")]', drawn("one")))
    assert one == used and used and not one & other


def test_numbers_in_labels_stay_whole():
    history = [
        {"epoch": n, "train_loss": 1e-4 * n, "validation_loss": 2e-4 * n} for n in (1, 2)
    ]  # fmt: skip
    svg = ElementTree.fromstring(inline_svg(charts.learning_curve(history, "loss", ""), "loss"))
    assert "0.0001" in [element.text for element in svg.iter("text")]
    drawn = " ".join(path.get("d") for path in svg.iter("path"))
    assert drawn and not re.findall(r"\.\d{3}", drawn)
