"""What correcting changed, from made-up runs: by accuracy, balanced accuracy and macro AUROC."""

import pytest

from jaxcovid.assignment.corrections import FIGURES, about_correction, correction, summed_up
from jaxcovid.report.words import OVERALL
from tests.assignment.reproductions import experiment

CORRECTIONS = {
    "better": ((45, 45, 45), (5, 5, 5), "which is clear; the intervals over images do not overlap"),
    "worse": ((5, 5), (45, 45), "which is clear"),
    "the same": ((45, 45), (45, 45), "which is not clear; the intervals over images overlap"),
    "no common seed": ((None, 45), (45, None), "was not measured"),
}


@pytest.mark.parametrize("case", CORRECTIONS)
def test_what_correcting_changed(case, tmp_path):
    corrected, written, expected = CORRECTIONS[case]
    one = experiment(tmp_path, corrected=corrected, written=written)
    assert expected in " ".join(about_correction(one))
    said = " ".join(summed_up([one]))
    for figure in FIGURES:
        change = correction(one, figure)
        assert (change is None) == (case == "no common seed")
        if change is not None:
            better, worse = int(change.above), int(change.below)
            assert (
                f"{OVERALL[figure]} better in {better} and worse in {worse} of 1 experiment" in said
            )


def test_each_figure_is_judged_by_itself(tmp_path):
    """As written almost all is called normal, which half of the images are."""
    one = experiment(tmp_path, corrected=(40, 42), written=(5, 6))
    accuracy, balanced, auroc = about_correction(one)
    assert accuracy.startswith("Correcting changed accuracy by +35.5 percentage points (95 % ")
    assert balanced.startswith("It changed balanced accuracy by +35.5 percentage points (95 % ")
    # Probabilities are 0 and 1, so the area is the mean of sensitivity and specificity.
    assert auroc.startswith("It changed macro AUROC by +0.355 (95 % interval +0.")
    assert all("which is clear" in sentence for sentence in (accuracy, balanced, auroc))


def test_no_interval_of_a_point(tmp_path):
    one = experiment(tmp_path, corrected=(45, 45), written=(45, 45))
    accuracy, _, auroc = about_correction(one)
    assert "by +0.0 percentage points (no interval: alike to the digits shown)" in accuracy
    assert "by +0.000 (no interval: alike to the digits shown)" in auroc
