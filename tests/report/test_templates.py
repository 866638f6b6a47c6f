import pytest
from markupsafe import Markup

from jaxcovid.report.templates import numeric_columns, prose, template, without_controls

CELLS = {
    "integer": (3, True),
    "thousands": ("164,160", True),
    "signed": ("+0.050", True),
    "small p": ("< 0.001", True),
    "power": ("1e-05", True),
    "percent": ("94.5 %", True),
    "with interval": ({"value": "0.500", "interval": "0.4 to 0.6"}, True),
    "missing": ("—", True),
    "word": ("frozen", False),
    "range": ("1-2", False),
    "state": ({"state": "passed"}, False),
    "empty": ("", False),
}


@pytest.mark.parametrize("case", CELLS)
def test_which_columns_are_aligned_right(case):
    cell, is_number = CELLS[case]
    assert numeric_columns([["name", cell], ["name", 1]]) == ({1} if is_number else set())


PROSE = {
    "a setting": ("give `patients`", "give <code>patients</code>"),
    "names are only names": ("`<b>` & <i>", "<code>&lt;b&gt;</code> &amp; &lt;i&gt;"),
    "one backquote": ("a ` alone", "a ` alone"),
    "percent": ("44.8 % (95 % interval)", "44.8\xa0% (95\xa0% interval)"),
}


@pytest.mark.parametrize("case", PROSE)
def test_sentences_as_html(case):
    text, html = PROSE[case]
    assert prose(text) == html


CONTROLS = {
    "an escape": ("a\x1b[31mb", r"a\x1b[31mb"),
    "NUL": ("\0", r"\x00"),
    "of the second set": ("\x9b1m", r"\x9b1m"),
    "text turned around": ("a\u202egnp", r"a\u202egnp"),
    "half a character": ("\ud800", r"\ud800"),
    "lines and tabs": ("a\n\tb", "a\n\tb"),
    "other letters": ("é—日", "é—日"),
    "markup": (Markup("<b>\x07</b>"), Markup(r"<b>\x07</b>")),
}


@pytest.mark.parametrize("case", CONTROLS)
def test_pages_hold_no_control_characters(case):
    value, expected = CONTROLS[case]
    shown = without_controls(value)
    assert shown == expected and type(shown) is type(value)


def test_every_value_of_a_page_is_without_controls():
    page = template("page.html")
    assert page.environment.from_string("{{ x }}").render(x="<\x1b>") == r"&lt;\x1b&gt;"
