import json

import numpy as np
import pytest

from jaxcovid.audits.subgroups import subgroups

RNG = np.random.default_rng(0)
LABELS = np.arange(200) % 2
RIGHT = np.eye(2, dtype=np.float32)[LABELS] * 0.8 + 0.1
VIEWS = ("PA",) * 100 + ("AP",) * 100


def wrong_in(members):
    probabilities = RIGHT.copy()
    probabilities[members] = probabilities[members][:, ::-1]
    return probabilities


def check(probabilities, columns, groups=None):
    return subgroups(LABELS, probabilities, ("a", "b"), groups, columns)


GROUPS = {  # images that are wrong, passed, groups found
    "alike": (RNG.choice(200, 20, replace=False), True, set()),
    "one worse": (np.arange(100, 150), False, {"AP"}),
}


@pytest.mark.parametrize("case", GROUPS)
def test_a_group_on_which_a_network_is_worse(case):
    members, passed, expected = GROUPS[case]
    result = check(wrong_in(members), {"view": VIEWS})
    assert (result["passed"], {row["group"] for row in result["found"]}) == (passed, expected)
    assert {name: row["images"] for name, row in result["table"]["view"].items()} == {
        "PA": 100,
        "AP": 100,
    }
    json.dumps(result, allow_nan=False)


def test_small_groups_are_told_of_and_not_judged():
    result = check(wrong_in(np.arange(5)), {"view": ("L",) * 5 + ("PA",) * 195})
    assert result["passed"] and result["table"]["view"]["L"]["accuracy"]["value"] == 0


def test_a_group_of_one_class_has_reasons_for_what_is_undefined():
    row = check(RIGHT, {"sex": ("F", "M") * 100})["table"]["sex"]["F"]
    assert row["auroc"]["value"] is None and row["auroc"]["reason"]


AGES = {
    "7": "00 to 17",
    "17": "00 to 17",
    "18": "18 to 39",
    "59.5": "40 to 59",
    "81Y": "80 and older",
    "old": "old",
}


@pytest.mark.parametrize("age", AGES)
def test_ages_go_by_ranges(age):
    result = check(RIGHT, {"age": (age,) * 100 + ("",) * 100})
    assert set(result["table"]["age"]) == {AGES[age], "unknown"}


@pytest.mark.parametrize("columns", [{}, {"mask": ("x.png",) * 200}], ids=str)
def test_where_nothing_is_known(columns):
    result = check(RIGHT, columns)
    assert result["passed"] is None and result["reason"] and result["table"] == {}
