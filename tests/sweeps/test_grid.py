"""The members of a grid, and which grids cannot be swept."""

import dataclasses

import pytest

from jaxcovid.config import Config
from jaxcovid.sweeps.grid import Grid, grid_members, grid_problems, setting_name
from jaxcovid.training.members import numbers_of
from tests.small_runs import config


def test_members_share_what_they_have_in_common():
    every = grid_members(config("data", None), Grid({"lr": (0.1, 0.2), "momentum": (0.5,)}, 2))
    assert [(member.lr, member.momentum, member.seed) for member in every] == [
        (0.1, 0.5, 0), (0.1, 0.5, 1), (0.2, 0.5, 0), (0.2, 0.5, 1)
    ]  # fmt: skip
    assert set(numbers_of(every)) == {"lr"}
    assert numbers_of(every[:2]) == {}


def test_members_of_further_seeds_have_the_images_of_the_first():
    several = grid_members(config("data", None, seed=7), Grid({}, 2))
    assert [(member.seed, member.drawing_seed, member.seeds) for member in several] == [
        (7, 7, 1), (8, 7, 1)
    ]  # fmt: skip
    (alone,) = grid_members(config("data", None, seed=7), Grid({}))
    assert alone.split_seed is None


def test_members_are_named_by_what_differs():
    (first, *_) = grid_members(
        dataclasses.replace(Config(), views=2), Grid({"lr": (1e-3, 1e-2)}, 3)
    )
    assert first.lr == 1e-3
    assert setting_name({"lr": 1e-3, "weight_decay": 0.1}) == "lr 0.001, weight decay 0.1"
    assert setting_name({"lr": 1e-3}, ["momentum"]) == "the one setting"


BAD = {
    "no seed": ({}, Grid({}, 0), "`seeds`: 0"),
    "twice": ({}, Grid({"lr": (0.1, 0.1)}), "`lr`: a value is given twice"),
    "a bad value": ({}, Grid({"lr": (0.1, -1.0)}), "`lr`: -1.0 is not a number above 0"),
    "two numbers of seeds": ({"seeds": 3}, Grid({}, 2), "`seeds`: 3, but the grid has 2; leave one out"),
    "adam": ({"optimizer": "adam"}, Grid({"momentum": (0.1, 0.2)}), "`momentum`: several values"),
    "not focal": ({}, Grid({"focal_gamma": (1.0, 2.0)}), "it needs `loss=focal`"),
    "folds": ({"folds": 5}, Grid({}), "`folds`: a sweep has none; give one of them, `fold`"),
    "patience": ({"patience": 1}, Grid({}), "`patience`: all members of a sweep train for the same epochs"),
    "head": ({}, Grid({"backbone_lr": (1.0, 2.0)}), "nothing below the head trains"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_swept_is_told(case, tmp_path):
    options, grid, message = BAD[case]
    (problem,) = grid_problems(config(tmp_path, tmp_path / "new", **options), grid)
    assert message in problem
