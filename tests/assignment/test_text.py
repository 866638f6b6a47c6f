"""What is said of the reproduced experiments, from made-up runs."""

import pytest

from jaxcovid.assignment.preset import Reported
from jaxcovid.assignment.text import about, cautions, how_to_read, summary
from tests.assignment.reproductions import experiment

CONSTANT = {
    "some seeds": ({"corrected": (0, 0, 45)}, None),
    "all": (
        {"corrected": (0, 0), "normal": (0, 50)},
        "Corrected, 2 of 2 runs answer “normal” for every image: accuracy is then only the share",
    ),
    "one": (
        {"written": (0,), "normal": (0, 50)},
        "As written, 1 of 1 run answers “normal” for every image",
    ),
    "as reported": (
        {"corrected": (45,), "reported": Reported(0.59, 0.37, ((0, 615), (0, 885)))},
        "The reported matrix is of a network that answers “normal” for every image.",
    ),
}


@pytest.mark.parametrize("case", CONSTANT)
def test_a_network_that_answers_one_class_is_named(case, tmp_path):
    options, expected = CONSTANT[case]
    one = experiment(tmp_path, **options)
    sentences = " ".join(about(one))
    assert ("for every image" in sentences) == (expected is not None)
    if expected is not None:
        assert expected in sentences
    assert any("one class for every image" in line for line in summary([one])) == (
        case in ("all", "one")
    )


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
