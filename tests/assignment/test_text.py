"""What is said of the reproduced experiments, from made-up runs."""

import pytest

from jaxcovid.assignment.text import about, cautions, correction, how_to_read, summary
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
    each = experiment(tmp_path, corrected=corrected, written=written)
    assert expected in " ".join(about(each))
    change = correction(each)
    assert (change is None) == (case == "no common seed")
    if change is not None:
        counts = (
            f"better in {int(change.above)} of 1 experiment, clearly worse in {int(change.below)}"
        )
        assert counts in summary([each])[1]


def test_cautions(tmp_path):
    each = experiment(tmp_path, corrected=(45,))
    said = " ".join(cautions([each, each._replace(preset=each.preset._replace(part=2))]))
    for text in (
        "phantoms are drawings",
        "random weights",
        "(validation here infected 50, normal 50; there infected 615, normal 885)",
        "part 1 must not start part 2 unsaid",
        "--patients",
        "a <i>warning</i>",
    ):
        assert text in said
    assert "only 50 image(s)" not in said


COUNTS = {
    "all": ({"corrected": (45, 46), "written": (30, 31)}, "4 of 4 runs finished"),
    "one diverged": ({"corrected": (45, 46), "written": (30, "")}, "3 of 4 runs finished, 1 diverged"),
    "none yet": ({"corrected": (None,)}, "0 of 1 run finished"),
}  # fmt: skip


@pytest.mark.parametrize("case", COUNTS)
def test_the_summary_counts_the_runs(case, tmp_path):
    rights, expected = COUNTS[case]
    assert expected in summary([experiment(tmp_path, **rights)])[0]


def test_how_to_read_explains_both_intervals():
    text = " ".join(how_to_read())
    assert "seeds" in text and "images" in text
