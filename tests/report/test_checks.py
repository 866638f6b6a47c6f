"""What checks of data found, word for word."""

import pytest

from jaxcovid.report import checks
from tests.report import audits, planted
from tests.report.audits import check, pair

PAIRS = [pair("a/1.png", "a/2.png", "splits", "classes"), pair("b/1.png", "b/2.png", "splits")]
SOURCES = [{"source": f"s{index}", "class": "normal", "images": 1} for index in range(5)]

OUTCOMES = {
    "passed": ("patients", check(), ""),
    "harmless pair": ("duplicates", audits.PASSED["duplicates"], ""),
    "not made": ("sources", audits.PASSED["sources"], "no column source, and names tell none"),
    "one pair": (
        "duplicates", audits.FAILED["duplicates"], "1 pair across patients: a/1.png and a/2.png (copy, correlation 0.985)",
    ),
    "pairs": (
        "duplicates", check(*PAIRS, pair("c", "d")),
        "2 pairs (2 across splits, 1 across classes), such as a/1.png and a/2.png (copy, correlation 0.985)",
    ),
    "equal pair": (
        "duplicates", check(pair("a", "b", "splits", "classes", kind="equal", correlation=None)),
        "1 pair across splits and classes: a and b (equal)",
    ),
    "patient": (
        "patients", audits.FAILED["patients"],
        "1 patient has 5 images in more than one split, such as p1 (train, validation)",
    ),
    "patients": (
        "patients", check(*audits.FAILED["patients"]["found"] * 2),
        "2 patients have 10 images in more than one split, such as p1 (train, validation)",
    ),
    "blocks": (
        "blocks", audits.FAILED["blocks"],
        "the split follows the order of file names in normal (2 runs where 120.3 are expected, p < 0.001)",
    ),
    "source": (
        "sources", audits.FAILED["sources"],
        "1 source (by column source) of one class only: NIH (200 images of normal); source and class go together (Cramer's V 0.930 (0.900 to 0.960))",
    ),
    "sources": (
        "sources", check(*SOURCES, by="names of files"),
        "5 sources (by names of files) of one class only: s0 (1 image of normal), s1 (1 image of normal), s2 (1 image of normal), ...",
    ),
    "floor": (
        "blind_floor", audits.FLOOR,
        "above chance without lungs, macro AUROC 0.750 (0.690 to 0.800) by file header (size, shape, mode, format, JPEG tables); "
        "0.874 (0.830 to 0.910) by border of the image; 0.930 (0.900 to 0.950) by thumbnails of 16 x 16 pixels. A shortcut exists, which does not say that a network uses it",
    ),
    "lungs": ("lungs", check("it sees the border", "it misses the lungs"), "it sees the border; it misses the lungs"),
    "groups": ("subgroups", check({"by": "view", "group": "AP", "figure": "auroc", "here": {"value": 0.5, "low": 0.4, "high": 0.6}, "others": {"value": 0.8, "low": 0.7, "high": 0.9}}),
               "clearly worse than the rest: view AP: auroc 0.500 (0.400 to 0.600), of all others 0.800 (0.700 to 0.900)"),
    "unlike": ("out_of_place", planted.FOUND["out_of_place"],
               "12 of 40 images, on average 30 % (95 % interval 26 to 34 %) of a patient's, where up to 9 % may be chance; what the network says of such images was never measured"),
    "unknown check": ("labels", check(1, 2), "2 found"),
}  # fmt: skip


@pytest.mark.parametrize("case", OUTCOMES)
def test_outcomes(case):
    name, found, expected = OUTCOMES[case]
    assert checks.outcome(name, found) == expected


CURVE = planted.FOUND["sample_size"]["curve"]
PASSED = {
    "doubts": ("labels", {"found": [1, 2]}, "2 to look at"),
    "no doubts": ("labels", {"found": []}, ""),
    "unlike": ("out_of_place", {"found": [1]}, "1, not clearly more than expected"),
    "none unlike": ("out_of_place", {"found": []}, ""),
    "a curve": ("sample_size", {"curve": CURVE}, "twice the training patients would bring +0.030 of macro AUROC (-0.010 to +0.070)"),
    "a doubtful curve": ("sample_size", {"curve": {**CURVE, "doubt": "it is flat"}}, "twice the training patients would bring +0.030 of macro AUROC (-0.010 to +0.070), but it is flat"),
    "no law": ("sample_size", {"curve": {**CURVE, "gains": {}, "doubt": "no power law fits"}}, "what more training patients would bring cannot be said: no power law fits"),
    "no curve": ("sample_size", {}, ""),
    "another": ("patients", {"found": []}, ""),
}  # fmt: skip


@pytest.mark.parametrize("case", PASSED)
def test_what_a_check_tells_that_passed(case):
    name, found, expected = PASSED[case]
    assert checks.outcome(name, {"passed": True, **found}) == expected


def test_a_few_images_unlike_those_of_training_are_named():
    few = {**planted.FOUND["out_of_place"], "passed": True}
    (line,) = checks.unlike_lines(few)
    assert line == (
        "Unlike the training images: <b>noise 0.png, <b>noise 1.png, <b>noise 2.png, ... (of 40 images)"
    )
    assert checks.unlike_lines({**few, "found": []}) == checks.unlike_lines({}) == []
    assert checks.unlike_lines(planted.FOUND["out_of_place"]) == []  # it is among the failures


def test_failures_are_those_that_failed_alone():
    lines = checks.failures(audits.FAILED)
    assert len(lines) == 5
    assert lines[0].startswith("images that look alike: 1 pair across patients")
    assert checks.failures(audits.PASSED) == []


STRONGEST = {
    "thumbnail and control do not count": (audits.blind_floor(), "border"),
    "as the audit says": ({**audits.blind_floor(), "strongest": "headers"}, "headers"),
    "none": (dict.fromkeys(checks.WITHOUT_LUNGS, audits.NOT_RUN), None),
    "nothing": ({}, None),
}


@pytest.mark.parametrize("case", STRONGEST)
def test_the_strongest_floor(case):
    found, expected = STRONGEST[case]
    assert checks.strongest_floor(found) == expected


def test_every_floor_has_a_figure_or_a_reason():
    measured, missing = checks.floor_lines(audits.FLOOR)
    assert "16 x 16 thumbnail (coarse lungs in it) 0.930 (0.900 to 0.950)" in measured
    assert missing == (
        "Truth floor, without a figure: brightness alone; network's features, centre blanked "
        "(not run: jaxcovid audit --data D RUN)"
    )
    assert checks.floor_lines({}) == []
