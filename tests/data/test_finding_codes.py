import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jaxcovid.data.finding_codes import combination_of, finding_codes, present, scarce_findings

FINDINGS = ("edema", "mass", "pleural effusion")


def test_combinations_by_name_are_codes():
    names = ["mass|edema?", "edema|mass", "no finding", "edema|gout"]
    expected = [[np.nan, 1, 0], [1, 1, 0], [0, 0, 0], [1, 0, 0]]
    np.testing.assert_array_equal(finding_codes(names, FINDINGS), expected)
    assert [sorted(present(name)) for name in names[:3]] == [["mass"], ["edema", "mass"], []]


@given(st.lists(st.sampled_from([0.0, 1.0, math.nan]), min_size=3, max_size=3))
def test_a_combination_says_all_of_its_findings(values):
    name = combination_of(dict(zip(FINDINGS, values, strict=True)))
    np.testing.assert_array_equal(finding_codes([name], FINDINGS)[0], values)


def test_training_images_must_have_each_finding_and_be_without_it():
    classes = ("edema|mass?", "edema|mass", "no finding")
    told = scarce_findings("x", classes, np.array([0, 0, 1]), ("edema", "mass"))
    assert told == [
        "x: no train image known to be without 'edema'; write 0, or name a column such as No "
        "Finding with others",
        "x: no train image known to be without 'mass'; write 0, or name a column such as No "
        "Finding with others",
    ]
    (missing,) = scarce_findings("x", classes, np.array([0, 2]), ("edema", "mass"))
    assert missing.startswith("x: no train image with 'mass'; add some")
