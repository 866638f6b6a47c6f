"""Splits drawn anew: whole patients, classes in proportion, whatever the order of the images."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxcovid.data.splits import SHARES, drawn_splits
from jaxcovid.errors import InputError

TWO = {"train": 80.0, "validation": 20.0}


def single(*names):
    return [frozenset((name,)) for name in names]


@st.composite
def tables(draw):
    """Images of a few to many patients, most of them with one class."""
    patients = draw(st.lists(st.integers(0, 40), min_size=30, max_size=120))
    classes = draw(
        st.lists(
            st.frozensets(st.sampled_from("abc"), min_size=1, max_size=2),
            min_size=len(patients), max_size=len(patients),
        )
    )  # fmt: skip
    return [f"p{number}" for number in patients], classes


@given(tables(), st.sampled_from((SHARES, TWO)), st.integers(0, 3))
def test_no_patient_is_in_two_splits_and_every_class_in_each(table, shares, seed):
    patients, classes = table
    try:
        splits = drawn_splits(classes, patients, shares, seed)
    except InputError:
        return
    assert len(set(zip(patients, splits, strict=True))) == len(set(patients))
    for name in frozenset().union(*classes):
        held = {split for split, found in zip(splits, classes, strict=True) if name in found}
        assert held == set(shares)


@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_the_images_makes_no_difference(table, random):
    patients, classes = table
    places = list(range(len(patients)))
    random.shuffle(places)
    try:
        splits = drawn_splits(classes, patients, SHARES, 1)
    except InputError:
        return
    shuffled = drawn_splits(
        [classes[place] for place in places], [patients[place] for place in places], SHARES, 1
    )
    assert shuffled == [splits[place] for place in places]


def test_shares_are_those_of_the_images_in_every_class():
    generator = np.random.default_rng(0)
    patients = [f"p{number}" for number in generator.integers(0, 1500, 4000)]
    of_patient = {
        patient: "abc"[number % 3] for number, patient in enumerate(sorted(set(patients)))
    }
    classes = single(*(of_patient[patient] for patient in patients))
    splits = drawn_splits(classes, patients, SHARES, 0)
    counts = Counter(zip(splits, (name for (name,) in classes), strict=True))
    for name in "abc":
        total = sum(counts[split, name] for split in SHARES)
        for split, share in SHARES.items():
            assert counts[split, name] / total == pytest.approx(share / 100, abs=0.006)


def test_large_patients_are_in_all_splits():
    """Filling the largest split first would leave the small ones patients with few images."""
    patients = [f"p{number}" for number in range(600) for _ in range(1 + 9 * (number % 2))]
    splits = drawn_splits(single(*"a" * len(patients)), patients, SHARES, 0)
    for split in SHARES:
        members = Counter(
            patient for patient, of_image in zip(patients, splits, strict=True) if of_image == split
        )
        assert np.mean([count == 10 for count in members.values()]) == pytest.approx(0.5, abs=0.09)


def test_another_seed_draws_others_and_the_same_the_same():
    patients = [f"p{number}" for number in range(100)]
    first, again, other = (
        drawn_splits(single(*"ab" * 50), patients, SHARES, seed) for seed in (0, 0, 1)
    )
    assert first == again != other


def test_patients_with_images_of_several_classes_are_drawn_in_proportion():
    patients = [f"p{number // 2}" for number in range(400)]
    splits = drawn_splits(single(*"ab" * 200), patients, SHARES, 0)
    assert Counter(splits) == {"train": 280, "validation": 60, "test": 60}


def test_rare_combinations_do_not_all_train():
    names = [f"c{number}" for number in range(12)]
    combinations = [frozenset((one, other)) for one in names for other in names if one < other]
    splits = drawn_splits(combinations, [f"p{n}" for n in range(len(combinations))], SHARES, 0)
    assert 0.6 < np.mean([split == "train" for split in splits]) < 0.8


FEW = {
    "images of one patient": (single(*"aaabbb"), list("ppp456"), SHARES, ["only 1 patient(s) of class 'a' for 3 splits"]),
    "two classes": (single(*"abab"), list("1212"), SHARES, ["only 1 patient(s) of class 'a'", "only 1 patient(s) of class 'b'"]),
    "two of three": (single(*"aabbb"), list("12345"), SHARES, ["only 2 patient(s) of class 'a' for 3"]),
}  # fmt: skip


@pytest.mark.parametrize("case", FEW)
def test_a_class_of_too_few_patients_is_refused_with_what_to_do(case):
    classes, patients, shares, expected = FEW[case]
    with pytest.raises(InputError) as error:
        drawn_splits(classes, patients, shares, 0)
    problems = error.value.problems
    assert len(problems) == len(expected)
    for problem, start in zip(problems, expected, strict=True):
        assert problem.startswith(f"`split`: {start}") and problem.endswith("such as 80 20")
    assert len(drawn_splits(single(*"aabb"), list("1234"), TWO, 0)) == 4
    with pytest.raises(InputError, match=r"or leave the class out$"):
        drawn_splits(single(*"ab"), list("12"), TWO, 0)
    with pytest.raises(InputError, match=r"of finding 'a' .* leave the finding out"):
        drawn_splits([frozenset("a"), frozenset()], list("12"), SHARES, 0, "finding")
