"""What is said of the figures: tuning is not called testing, and every figure has its interval."""

import pytest

from jaxcovid.report import checklist_figures as figures
from jaxcovid.results import FLOORS, Audit
from tests.report import audits, checklists

TUNED = checklists.run(splits=("train", "validation"))
LUNGS = audits.check(
    lungs_blanked={"auroc": audits.figure(0.8, 0.7, 0.9)},
    grad_cam_outside=audits.figure(0.4, 0.3, 0.5),
)
AUDITED = checklists.run(audit=Audit({"blind_floor": audits.FLOOR, "lungs": LUNGS}))

ANSWERS = {
    "tuning is no testing": (
        figures.internal_testing, TUNED,
        "None on images kept apart. On the tuning set (folder validation), which took part in the training: accuracy 0.",
    ),
    "testing": (figures.internal_testing, checklists.run(), "On the internal test set (folder test): accuracy 0."),
    "testing by the run": (
        figures.internal_testing, checklists.evaluation(),
        "The network's run reported macro AUROC 0.919 (0.880 to 0.950) on its tuning set (folder validation).",
    ),
    "elsewhere": (figures.external_testing, checklists.evaluation(), "On “x-rays <b>”, 30 images of 15 patients (covid 10"),
    "no test set": (figures.size, TUNED, " wide. No test set was kept apart."),
    "by patient": (figures.uncertainty, checklists.run(), "1,000 resamples; both over patients, all images of one together"),
    "by image": (figures.uncertainty, checklists.run(patients=False), "resamples; both over images, as if each were of another patient"),
    "floors": (figures.robustness, AUDITED, "border of the image 0.874 (0.830 to 0.910)"),
    "lungs": (figures.robustness, AUDITED, "Macro AUROC with the lungs blanked 0.800 (0.700 to 0.900)."),
    "heat": (figures.explanation, AUDITED, "Share of it outside of the central ellipse: 0.400 (0.300 to 0.500)."),
    "classes": (figures.accuracy, checklists.run(), "covid: sensitivity 0."),
    "thresholds": (figures.accuracy, checklists.run(), "Thresholds for 90 and 95 % specificity are the tuning set's."),
    "wrong": (figures.failures, checklists.run(), " of 30 images of the internal test set (folder test) are classified wrong"),
    "warnings": (figures.limitations, checklists.run(warnings=["take care"]), "Take care. Test: 3 classes hold fewer"),
    "groups": (
        figures.of_partitions, checklists.with_groups(checklists.run(), {"view": {}, "sex": {}}), "metrics.json has them by view and sex.",
    ),
    "all images": (figures.summary, checklists.run(), "Training set (folder train) 60 images of 30 patients"),
    "all figures": (figures.measures, checklists.run(), "Accuracy, balanced accuracy, macro F1, Matthews correlation"),
}  # fmt: skip


@pytest.mark.parametrize("case", ANSWERS)
def test_answers(case):
    answer, given, expected = ANSWERS[case]
    assert expected in answer(given).text


UNLABELLED = checklists.run()
UNLABELLED = UNLABELLED._replace(
    splits={"test": UNLABELLED.splits["test"]._replace(metrics=None)}, examples=(), settings={}
)


@pytest.mark.parametrize(
    "answer",
    [
        figures.size, figures.measures, figures.uncertainty, figures.robustness,
        figures.explanation, figures.internal_testing, figures.of_partitions, figures.accuracy,
        figures.failures,
    ],
)  # fmt: skip
def test_of_unlabelled_images_nothing_is_said(answer):
    assert answer(UNLABELLED) is None


def test_floors_that_were_not_measured_are_no_answer():
    missing = {**audits.FLOOR, **dict.fromkeys(FLOORS, audits.NOT_RUN)}
    assert figures.robustness(checklists.run(audit=Audit({"blind_floor": missing}))) is None


def test_the_number_of_wrong_images_is_that_of_the_predictions():
    given = checklists.run()
    split = given.splits["test"]
    wrong = sum(split.probabilities.argmax(1) != split.labels)
    answer = figures.failures(given)
    assert answer is not None and answer.text.startswith(f"{wrong} of 30 images")


def test_no_run_is_tested_externally_and_an_evaluation_may_be_of_the_same_source():
    assert figures.external_testing(checklists.run()).text == ""
    answer = figures.external_testing(checklists.evaluation())
    assert answer.missing == ("whether these images are of another source than the training images")
