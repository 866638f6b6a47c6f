"""What audits found, in words and tables."""

import pytest

from jaxcovid.report import truth
from jaxcovid.results import FLOORS
from tests.report import planted


def sections(checks):
    return {section.id: section for section in truth.audit_sections(planted.audit(checks), {})}


STATES = {"failed": planted.FOUND, "passed": planted.CLEAN, "not run": planted.UNKNOWN}


@pytest.mark.parametrize("state", STATES)
def test_every_check_has_its_section_and_its_state_in_words(state):
    by_name = sections(STATES[state])
    assert list(by_name) == list(truth.TITLES)
    assert {section.state for section in by_name.values()} == {state}
    assert all(section.sentences for section in by_name.values())
    table = truth.checks_table(list(by_name.values()))
    assert [row[1] for row in table["rows"]] == [{"state": state}] * len(truth.TITLES)


def test_checks_that_were_not_made_say_why():
    assert sections(planted.UNKNOWN)["patients"].sentences == ["Not run: no patients known."]
    floor = {"passed": None, "reason": "not run: jaxcovid audit --data D RUN", "found": []}
    assert sections({"blind_floor": floor})["blind_floor"].sentences == [
        "Not run here; to run it: `jaxcovid audit --data D RUN`."
    ]


def test_checks_that_an_audit_lacks_are_left_out():
    assert list(sections({"patients": planted.FOUND["patients"]})) == ["patients"]


def test_floors():
    floor = sections(planted.FOUND)["blind_floor"]
    (table,) = floor.tables
    names = [row[0]["value"] if isinstance(row[0], dict) else row[0] for row in table["rows"]]
    measured = [
        name.partition(" (")[0] for key, name in FLOORS.items() if key != "features_without_centre"
    ]
    assert names == ["the network", *measured, "network minus border of the image"]
    assert table["rows"][2][1] == {"value": "0.870", "interval": "0.830 to 0.910"}
    assert table["rows"][-1][1]["value"] == "+0.060"
    assert floor.charts == ["floors"]
    assert floor.sentences[0].startswith("Above guessing without the lungs: file header, border")
    assert (
        "Network's features, centre blanked: not run here; to run it: `jaxcovid audit --data D RUN`."
        in floor.sentences
    )


def test_pairs_with_pictures_are_not_listed_again():
    duplicates = sections(planted.FOUND)["duplicates"]
    assert duplicates.sentences == [
        "3 pairs of images are alike, 2 of them across splits, classes or patients."
    ]
    assert [pair[:2] for pair in duplicates.pairs] == [
        (f"duplicate_{number}_one", f"duplicate_{number}_other") for number in (0, 1)
    ]
    assert "patient p1" in duplicates.pairs[0][2] and "mirrored" in duplicates.pairs[1][2]
    (table,) = duplicates.tables
    assert [row[2:] for row in table["rows"]] == [["equal pixels", "1.000", "—"]]
    image = table["rows"][0][0]
    assert image["value"].startswith("train/") and image["interval"].endswith(", patient p5")


SLIGHTLY = (
    "Slightly above guessing without the lungs: border of the image. A shortcut counts as one"
)
NOT_FOUND = {
    "slightly above": (0.56, SLIGHTLY),
    "not above": (0.53, "None comes clearly above guessing without the lungs."),
}


@pytest.mark.parametrize("case", NOT_FOUND)
def test_a_floor_that_is_no_shortcut_may_yet_be_above_guessing(case):
    border, sentence = NOT_FOUND[case]
    floors = {"headers": planted.figures(0.5, 0.4), "border": planted.figures(border, 0.4)}
    floor = sections({"blind_floor": {**planted.CLEAN["blind_floor"], **floors}})["blind_floor"]
    assert floor.state == "passed" and floor.sentences[0].startswith(sentence)


def test_a_single_source_is_named():
    check = {"passed": True, "note": "all images are of NIH", "by": "column source", "found": []}
    assert sections({"sources": check})["sources"].sentences == ["All images are of NIH."]


SENTENCES = {
    "lungs": "41 % (95 % interval 37 to 45 %) of Grad-CAM's heat lies outside",
    "patients": "1 patient with images in more than one split.",
    "sources": "go together, Cramér's V from 0 to 1: 0.83 (95 % interval 0.79 to 0.87).",
    "blocks": "The splits follow the order of file names in normal & healthy.",
    "subgroups": "Clearly worse than the rest: source <b>Kermany: accuracy 0.300 (0.260 to 0.340), of all others 0.800 (0.760 to 0.840).",
    "out_of_place": "12 of 40 images are farther from all training images than 95 % of validation images are: on average 30 % (95 % interval 26 to 34 %) of a patient's, where up to 9 % may be chance.",
    "labels": "As a trial 20 labels were flipped: 75 % of them were then doubted, among 40 in all.",
    "sample_size": "would give an AUROC like this one a 95 % interval no wider than 0.10 or 0.05; here there are 109.",
}


@pytest.mark.parametrize("name", SENTENCES)
def test_what_was_found_in_words(name):
    section = sections(planted.FOUND)[name]
    assert SENTENCES[name] in " ".join(section.sentences)
    assert section.tables[0]["rows"]


def test_false_alarms_are_stated_though_no_image_was_judged():
    alarms = {"value": 0.06, "low": 0.02, "high": 0.1}
    check = {"passed": None, "reason": "all were used", "false_alarms": alarms, "found": []}
    reason, sentence = sections({"out_of_place": check})["out_of_place"].sentences
    assert reason == "Not run: all were used."
    assert sentence == (
        "Of validation images that did not set the limit 6 % (95 % interval 2 to 10 %) are farther "
        "than it: false alarms."
    )


def test_small_p_values():
    (table,) = sections(planted.FOUND)["blocks"].tables
    assert table["rows"] == [["normal & healthy", "train, validation", 2, "120.3", "< 0.001"]]


def test_undefined_figures_of_groups_have_their_reason():
    (table,) = sections(planted.FOUND)["subgroups"].tables
    assert table["caption"] == "No figure or no interval: <b>Kermany, macro AUROC: one class."
    assert table["rows"][1][1:3] == [5, "—"] and table["rows"][1][-1]["value"] == "—"


def test_the_class_that_a_floor_tells_best_stands_beside_its_mean():
    of_class = {
        name: planted.figure(value) for name, value in (("a", 0.6), ("b", 0.99), ("c", 0.6))
    }
    of_class["d"] = {"value": None, "low": None, "high": None, "reason": "no image"}
    border = {**planted.figures(0.73, 0.5), "auroc_of": of_class}
    floor = {**planted.FOUND["blind_floor"], "border": border}
    (table,) = sections({"blind_floor": floor})["blind_floor"].tables
    assert table["header"][-1] == "AUROC of the class told best"
    cells = {row[0]["value"]: row[-1] for row in table["rows"] if isinstance(row[0], dict)}
    assert cells["border of the image"]["value"] == "b 0.990"
    assert cells["file header"]["value"] == "—"


def test_an_image_without_a_class_is_said_to_be_unlabelled():
    pair = {**planted.PAIRS[0], "other": {**planted.side("test", 9), "class": None}}
    check = {"passed": False, "found": [pair]}
    assert "(test, unlabelled)" in str(sections({"duplicates": check})["duplicates"])
