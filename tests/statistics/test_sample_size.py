"""How many patients an interval of a given width takes."""

import pytest

from jaxcovid.statistics.sample_size import hanley_mcneil, newcombe, patients_needed

# (area, share of the ill, width) to published-style tables of Newcombe's and of Hanley and McNeil's
# numbers, which round the ill and the well to whole patients: so up to 1.5 % more.
NEEDED = {
    (0.80, 0.5, 0.10): (302, 302),
    (0.90, 0.5, 0.10): (158, 158),
    (0.95, 0.33, 0.05): (355, 454),
    (0.80, 0.10, 0.05): (3341, 4555),
    (0.95, 0.10, 0.10): (219, 366),
}


@pytest.mark.parametrize("case", NEEDED)
def test_the_larger_of_both_is_taken(case):
    assert patients_needed(*case) == pytest.approx(max(NEEDED[case]), rel=0.015)


@pytest.mark.parametrize("case", NEEDED)
def test_the_interval_is_just_narrow_enough(case):
    area, share, width = case
    count = patients_needed(*case)
    errors = [
        max(error(area, share, number) for error in (hanley_mcneil, newcombe))
        for number in (count - 1, count)
    ]
    assert 2 * 1.959964 * errors[1] <= width < 2 * 1.959964 * errors[0]


def test_both_agree_where_half_are_ill():
    assert hanley_mcneil(0.85, 0.5, 400) == pytest.approx(newcombe(0.85, 0.5, 400), rel=1e-3)


NONE = {
    "a perfect network": (1.0, 0.5, 0.1),
    "nobody ill": (0.9, 0.0, 0.1),
    "no width": (0.9, 0.5, 0.0),
    "more than anyone has": (0.9, 1e-9, 1e-4),
}


@pytest.mark.parametrize("case", NONE)
def test_where_no_number_can_be_given(case):
    assert patients_needed(*NONE[case]) is None
