"""Leaks that are planted are found; sets that are split by chance pass."""

import json

import numpy as np
import pytest

from jaxcovid.audits.leaks import blocks, patients, sources
from tests.audits.made_up import dataset, noise, split

RNG = np.random.default_rng(0)


def made(paths, people=None, columns=None, classes=("a", "b")):
    """A set of these paths by split; the second part of a path is the class."""
    splits = {
        name: split(
            name, noise(of_split, seed, 8), [classes.index(path.split("/")[1]) for path in of_split],
            paths=list(of_split),
        )
        for seed, (name, of_split) in enumerate(paths.items())
    }  # fmt: skip
    return dataset(splits, people, columns, classes)


TWO = {"train": ("train/a/1.png", "train/a/2.png"), "test": ("test/a/3.png",)}
PATIENTS = {  # names by split, passed, what is found
    "unknown": ({"train": (None, None), "test": (None,)}, None, []),
    "apart": ({"train": ("p", "q"), "test": ("r",)}, True, []),
    "shared": (
        {"train": ("p", "p"), "test": ("p",)}, False,
        [{"patient": "p", "splits": ["train", "test"], "images": 3}],
    ),
    "some unknown": ({"train": ("p", None), "test": (None,)}, True, []),
    "one split": ({"train": ("p", "p")}, None, []),
}  # fmt: skip


@pytest.mark.parametrize("case", PATIENTS)
def test_patients_in_two_splits(case):
    people, passed, found = PATIENTS[case]
    check = patients(made({name: TWO[name] for name in people}, people))
    assert (check["passed"], check["found"]) == (passed, found)
    assert (passed is None) == ("reason" in check)


def numbered(order, form="{}.png"):
    """Forty files a class, put into the splits that `order` names in turn."""
    paths = {"train": [], "validation": []}
    for number, name in enumerate(order):
        paths[name].append(f"{name}/a/" + form.format(number))
    return paths


MIXED = RNG.permutation(["train"] * 30 + ["validation"] * 10)
IN_A_ROW = ["train"] * 30 + ["validation"] * 10
BLOCKS = {  # files, whether they are in blocks
    "by chance": (numbered(MIXED), False),
    "in a row": (numbered(IN_A_ROW), True),
    "in a row, numbers of one width": (numbered(IN_A_ROW, "scan_{:04d}.png"), True),
    "in three pieces": (numbered(["train"] * 15 + ["validation"] * 10 + ["train"] * 15), True),
    "the split's name in the file's": (
        {name: [f"{name}/a/{name}-{number}.png" for number in range(20)] for name in ("train", "validation")},
        False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BLOCKS)
def test_splits_that_follow_the_names_of_files(case):
    paths, in_blocks = BLOCKS[case]
    check = blocks(made(paths))
    assert check["passed"] is not in_blocks
    assert [row["class"] for row in check["found"]] == ["a"] * in_blocks
    json.dumps(check, allow_nan=False)


def test_images_of_a_patient_count_once():
    """Split by patient, whose files lie together: that is no block."""
    order = np.repeat(MIXED, 6)
    paths = numbered(order)
    people = {
        name: tuple(f"p{int(path.split('/')[-1].split('.')[0]) // 6}" for path in of_split)
        for name, of_split in paths.items()
    }
    assert blocks(made(paths, people))["passed"]


NO_BLOCKS = {
    "one split": {"train": ("train/a/1.png", "train/a/2.png")},
    "few images": TWO,
}


@pytest.mark.parametrize("case", NO_BLOCKS)
def test_where_order_says_nothing(case):
    check = blocks(made(NO_BLOCKS[case]))
    assert check["passed"] is None and check["reason"]


FORTY = {"train": tuple(f"train/{label}/{n}.png" for label in "ab" for n in range(20))}
BY_CLASS, BY_TURNS = ("Ulm",) * 20 + ("Bonn",) * 20, ("Ulm", "Bonn") * 20
SOURCES = {  # the column source, passed, sources found
    "of one class each": (BY_CLASS, False, ["Bonn", "Ulm"]),
    "of both classes": (BY_TURNS, True, []),
    "one alone": (("Ulm",) * 40, True, []),
    "too few to tell": ((*("Ulm",) * 38, "Bonn", "Bonn"), True, []),
    "some unknown": ((*("",) * 12, *BY_CLASS[12:28], *("",) * 12), True, []),
}


@pytest.mark.parametrize("case", SOURCES)
def test_sources_of_one_class(case):
    column, passed, names = SOURCES[case]
    check = sources(made(FORTY, columns={"train": {"source": column}}))
    assert (check["passed"], [row["source"] for row in check["found"]]) == (passed, names)
    assert check["by"] == "column source"
    json.dumps(check, allow_nan=False)


def test_how_closely_source_and_class_go_together():
    mixed = tuple(np.where(RNG.random(40) < 0.8, BY_CLASS, BY_TURNS))
    values = [
        sources(made(FORTY, columns={"train": {"source": column}}))["association"]
        for column in (BY_CLASS, mixed, BY_TURNS)
    ]
    assert values[0]["value"] == 1 and values[0]["low"] is None and values[0]["reason"]
    assert 0.5 < values[1]["low"] < values[1]["value"] < values[1]["high"] < 1
    assert values[2]["value"] == 0 and values[2]["low"] in (None, 0)


def test_cramers_v_is_scipys():
    from scipy.stats.contingency import association

    column = tuple(RNG.choice(["x", "y", "z"], 40))
    table = [
        [sum(s == name for s in part) for part in (column[:20], column[20:])] for name in "xyz"
    ]
    check = sources(made(FORTY, columns={"train": {"source": column}}))
    assert check["association"]["value"] == pytest.approx(association(np.array(table)), abs=1e-4)


def test_nih_is_known_by_its_names():
    nih = [f"train/b/{n:08d}_000.png" for n in range(20)]
    check = sources(made({"train": (*FORTY["train"][:20], *nih)}))
    assert check["by"] == "names of files"
    assert [row["source"] for row in check["found"]] == ["NIH ChestX-ray14", "not NIH"]
    assert sources(made(FORTY))["passed"] is None
