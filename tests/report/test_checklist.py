"""Every item has a state and an answer; the author's words stand beside the run's."""

import pytest

from jaxcovid.report.checklist import STATES, TITLE, checklist, checklist_markdown
from jaxcovid.results import Audit
from tests.report import audits, checklists, example

AUDIT = Audit({**audits.PASSED, "blind_floor": audits.FLOOR})
UNKNOWN_TO_ANY_RUN = {3, 4, 5, 11, 14, 15, 16, 17, 18, 34, 41, 44}

# Item numbers by state.
STATED = {
    "a run": (
        checklists.run(audit=AUDIT),
        {9, 10, 20, 22, 23, 24, 25, 26, 27, 29, 30, 32, 35, 38},
        {1, 2, 6, 7, 8, 12, 19, 21, 28, 31, 37, 39, 40, 42, 43},
    ),
    "a run without an audit": (
        checklists.run(),
        {9, 10, 22, 23, 24, 25, 26, 27, 29, 32, 35, 38},
        {1, 2, 6, 7, 8, 12, 19, 20, 21, 28, 31, 37, 39, 40, 42, 43},
    ),
    "phantoms": (
        checklists.run(data=None, audit=AUDIT),
        {9, 10, 19, 20, 22, 23, 24, 25, 26, 27, 29, 30, 32, 35, 38},
        {1, 2, 6, 7, 8, 12, 21, 28, 31, 37, 39, 40, 42, 43},
    ),
    "an evaluation": (
        checklists.evaluation(),
        {9, 10, 22, 23, 24, 25, 26, 27, 29, 32, 35, 38},
        {1, 2, 6, 7, 8, 12, 19, 21, 28, 31, 33, 37, 39, 40, 42},
    ),
    "an evaluation of a file of weights": (
        checklists.evaluation(record={}, internal=None),
        {9, 10, 23, 27, 29, 35, 38},
        {2, 6, 7, 8, 12, 19, 21, 28, 31, 33, 37, 39, 40},
    ),
    "a run of an empty record": (
        checklists.run()._replace(settings={}, examples=(), training=None),
        {9, 10, 27, 29, 32, 38},
        {2, 6, 19, 20, 21, 28, 37, 39, 40},
    ),
}


@pytest.mark.parametrize("case", STATED)
def test_who_answers_which_item(case):
    given, whole, part = STATED[case]
    rows = checklist(given)
    states = {row["item"]: row["state"] for row in rows}
    assert {item for item, state in states.items() if state == "run"} == whole
    assert {item for item, state in states.items() if state == "part"} == part
    assert {item for item, state in states.items() if state == "not stated"} >= UNKNOWN_TO_ANY_RUN
    for row in rows:
        assert set(row) == {"item", "section", "asks", "state", "answer"}
        assert "None." not in row["answer"].removeprefix("None:")
        assert row["answer"].endswith(".") or (row["state"], row["answer"]) == ("not stated", "")
        assert ("Not stated" in row["answer"]) == (row["state"] == "part"), row


def row(given, item, study=None):
    return checklist(given, study)[item - 1]


def test_the_author_stands_beside_the_run():
    study = {5: "retrospective", 7: "one hospital", 9: "and rotated by hand"}
    given = checklists.run()
    assert (row(given, 5, study)["state"], row(given, 5, study)["answer"]) == (
        "author", "By the author: retrospective",
    )  # fmt: skip
    part = row(given, 7, study)
    assert part["state"] == "author" and "Not stated" not in part["answer"]
    assert part["answer"].startswith("Data set “x-rays <b>”")
    assert part["answer"].endswith("By the author: one hospital")
    whole = row(given, 9, study)
    assert whole["state"] == "run" and whole["answer"].endswith(
        "By the author: and rotated by hand"
    )
    assert row(given, 9)["answer"] in whole["answer"]


def test_markdown_shows_states_and_no_score():
    text = checklist_markdown(checklist(checklists.run(), {5: "retrospective"}))
    assert text.startswith(f"# {TITLE}\n") and "10.1148/ryai.240300" in text
    rows = [line.split(" | ") for line in text.splitlines() if line[2:3].isdigit()]
    assert [int(cells[0][2:]) for cells in rows] == [*range(1, 45)]
    assert {cells[2] for cells in rows} == {*STATES.values()}
    assert "of 44" not in text and "Not for clinical use." in text


def test_names_are_only_names_in_markdown():
    given = example.results()
    text = checklist_markdown(checklist(given, {3: "a | b\n`c` [d](e)"}))
    assert "<" not in text and "a \\| b \\`c\\` \\[d\\](e)" in text
    assert "normal &amp; healthy" in text and "$pneu\\_mon" in text
