"""What is advised against what was found."""

import pytest

from jaxcovid.report.levers import EQUAL_GREYS, FURTHER_SOURCES, advice

FAILED, PASSED = {"passed": False, "found": []}, {"passed": True, "found": []}
BRIGHT = {**FAILED, "brightness": {"auroc": {"value": 0.7, "low": 0.6, "high": 0.8}}}
BY_CHANCE = {**FAILED, "brightness": {"auroc": {"value": 0.6, "low": 0.45, "high": 0.7}}}

# The section, the checks, how the network was trained, and what is advised.
CASES = {
    "one source of a class": ("sources", {"sources": FAILED}, {}, [FURTHER_SOURCES]),
    "told once": ("blind_floor", {"sources": FAILED, "blind_floor": FAILED}, {}, []),
    "no source is known": ("blind_floor", {"sources": PASSED, "blind_floor": FAILED}, {}, [FURTHER_SOURCES]),
    "done already": ("sources", {"sources": FAILED}, {"sampling": "balanced-by-source"}, []),
    "done by the run that is evaluated": (
        "sources", {"sources": FAILED}, {"run": {"sampling": "balanced-by-source"}}, [],
    ),
    "brightness": (
        "blind_floor", {"blind_floor": BRIGHT}, {"sampling": "balanced-by-source"}, [EQUAL_GREYS],
    ),
    "brightness beside sources": (
        "blind_floor", {"sources": FAILED, "blind_floor": BRIGHT}, {}, [EQUAL_GREYS],
    ),
    "brightness as by chance": (
        "blind_floor", {"sources": FAILED, "blind_floor": BY_CHANCE}, {}, [],
    ),
    "brightness that is taken away": (
        "blind_floor", {"blind_floor": BRIGHT},
        {"sampling": "balanced-by-source", "intensity": "equalise"}, [],
    ),
    "several findings": (
        "sources", {"sources": FAILED}, {"dataset": {"several_findings": True}}, [],
    ),
    "nothing found": ("sources", {"sources": PASSED, "blind_floor": FAILED}, {}, []),
    "another finding": ("duplicates", {"duplicates": FAILED}, {}, []),
}  # fmt: skip


@pytest.mark.parametrize("check, checks, record, expected", CASES.values(), ids=CASES)
def test_a_finding_calls_for_a_lever(check, checks, record, expected):
    assert advice(check, checks, record) == expected
