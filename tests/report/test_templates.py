import pytest

from jaxcovid.report.templates import numeric_columns

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
