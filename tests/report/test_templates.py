import pytest

from jaxcovid.report.templates import numeric_columns, prose

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
