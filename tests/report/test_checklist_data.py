"""What is said of the images follows from the record, and of patients only where they are known."""

import pytest

from jaxcovid.report import checklist_data as data
from jaxcovid.results import Audit
from tests.report import audits, checklists

UNKNOWN = (
    "5 of 130 image(s) are of no known patient, such as a.png (neither `patients` nor names of "
    "files and folders tell); each counts as its own patient"
)
SHARED = "1 patient has images in train and test, such as p1: that score is partly memory"
KNOWN = "Patient level for images whose patient is known: no known patient is in two partitions."
TWICE = "whether an image is in two partitions under two names"
CLEAN = Audit({"patients": audits.check(), "duplicates": audits.check()})

APART = {
    "all known": (checklists.run(), (KNOWN, TWICE)),
    "some known": (checklists.run(warnings=[UNKNOWN]), (f"{KNOWN} {UNKNOWN}. For these it is image level.", TWICE)),
    "none known": (
        checklists.run(patients=False), ("Image level: it is not known which images are of one patient.", TWICE),
    ),
    "shared": (checklists.run(warnings=[SHARED]), (f"{SHARED}.", TWICE)),
    "shared, by the audit": (
        checklists.run(warnings=[SHARED], audit=Audit({"patients": audits.FAILED["patients"]})),
        ("1 patient has 5 images in more than one split, such as p1 (train, validation).", TWICE),
    ),
    "files in two": (
        checklists.run(warnings=["2 image(s) occur in two splits, such as patient.png"]),
        (f"2 image(s) occur in two splits, such as patient.png. {KNOWN}", TWICE),
    ),
    "no duplicates": (
        checklists.run(audit=CLEAN), (f"{KNOWN} 0 pairs of equal or nearly equal images across partitions.", ""),
    ),
    "a duplicate": (
        checklists.run(audit=Audit({"duplicates": audits.check(audits.pair("a", "b", "splits"), audits.pair("a", "b", "patients"))})),
        (f"{KNOWN} 1 pair of equal or nearly equal images across partitions.", ""),
    ),
    "an evaluation": (checklists.evaluation(), ("", "these images were not compared with the training images")),
}  # fmt: skip


@pytest.mark.parametrize("case", APART)
def test_the_level_at_which_partitions_are_apart(case):
    given, expected = APART[case]
    assert data.apart(given) == expected


GROUPS = {"view": {"AP": {"images": 10, "patients": 8}, "PA": {"images": 1}}}
BY_VIEW = "By view, test: AP 10 images of 8 patients, PA 1 image."

ANSWERS = {
    "drawings": (data.provenance, checklists.run(data=None), "They are built-in drawings, not X-rays of patients."),
    "not drawings": (data.provenance, checklists.run(), "130 images; fingerprint of images and labels ffff"),
    "left out": (data.inclusion, checklists.run(), "1 unreadable image left out, 0 other files passed over."),
    "a limit": (data.selection, checklists.run(limit_train=60), "At most 60 training images were used, drawn by the seed"),
    "joined": (data.selection, checklists.run(merge=["a=b+c"]), "Classes joined: a=b+c."),
    "no augmentation": (data.preparation, checklists.run(augment=False), "0.229, 0.224, 0.225."),
    "augmentation": (data.preparation, checklists.run(), "are augmented instead of cropped so, see item 25."),
    "padded": (data.preparation, checklists.run(fit="pad"), "padded with black to 224 x 224; grey repeated"),
    "padded and augmented": (data.preparation, checklists.run(fit="pad"), "are augmented after that, see item 25."),
    "equalised": (data.preparation, checklists.run(intensity="equalise"), "grey values of every image equalised; shorter side"),
    "unknown patients": (data.missing, checklists.run(patients=False), "The patients of train, validation and test are not known."),
    "some unknown": (data.missing, checklists.run(warnings=[UNKNOWN]), f"0 without a label. {UNKNOWN}."),
    "views": (data.acquisition, checklists.with_groups(checklists.run(), GROUPS), BY_VIEW),
    "views of an audit": (data.acquisition, checklists.run(audit=Audit({"subgroups": audits.check(table=GROUPS)})), BY_VIEW),
    "groups": (data.groups, checklists.with_groups(checklists.run(), GROUPS), BY_VIEW),
    "shares": (data.partitions, checklists.run(), "tuning set (folder validation) 40 images of 20 patients (covid 14, normal 13, pneumonia 13), 31 %"),
    "held out": (data.partitions, checklists.run(warnings=["no validation: every tenth stand in for it"]), "No validation: every tenth stand in for it."),
    "flow": (data.flow, checklists.run(), "internal test set (folder test): 30 images of 15 patients"),
}  # fmt: skip


@pytest.mark.parametrize("case", ANSWERS)
def test_answers(case):
    answer, given, expected = ANSWERS[case]
    assert expected in answer(given).text


def test_no_column_is_not_not_applicable():
    assert data.groups(checklists.run()) == ("", "no column of patients' traits was given")
    assert data.acquisition(checklists.run()) is None


def test_after_a_limit_it_is_not_known_how_many_there_were():
    answer = data.flow(checklists.run(limit_train=60))
    assert answer is not None
    assert answer.missing == "how many training images there were before the limit"
