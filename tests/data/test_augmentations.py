import pytest

from jaxcovid.config import Config
from jaxcovid.config_problems import problems
from jaxcovid.data.augmentations import GENTLE, STRONG, augmentation_of

MEANT = {
    "by default": ({}, STRONG),
    "gentle": ({"augmentation": "gentle"}, GENTLE),
    "none": ({"augmentation": "none"}, None),
    "off": ({"augment": False}, None),
    "one number": ({"rotation": 5.0}, STRONG._replace(rotation=5.0)),
    "a number of 0": ({"mirror": 0.0}, STRONG._replace(mirror=0.0)),
    "all numbers": (
        {"augmentation": "gentle", "rotation": 1.0, "crop_area": (0.5, 0.7), "mirror": 0.1,
         "contrast": 0.2},
        (1.0, (0.5, 0.7), 0.1, 0.2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MEANT)
def test_settings_give_bounds(case):
    settings, bounds = MEANT[case]
    assert augmentation_of(Config(**settings)) == bounds
    assert not [problem for problem in problems(Config(**settings)) if "augment" in problem]


UNFIT = {
    "turned over": ({"rotation": 181.0}, "`rotation`: 181.0 is not from 0 to 180"),
    "no number": ({"contrast": float("nan")}, "`contrast`: nan is not from 0 to 1"),
    "more than all": ({"mirror": 1.5}, "`mirror`: 1.5 is not from 0 to 1"),
    "one share": ({"crop_area": (0.5,)}, "`crop_area`: 0.5 is not the least and the largest"),
    "shares in disorder": ({"crop_area": (1.0, 0.5)}, "`crop_area`: 1.0 0.5 is not"),
    "no area": ({"crop_area": (0.0, 0.5)}, "`crop_area`: 0.0 0.5 is not"),
    "off and gentle": ({"augment": False, "augmentation": "gentle"}, "`augmentation`: gentle, though"),
    "none and a number": (
        {"augmentation": "none", "mirror": 0.5}, "`mirror`: training images are not augmented",
    ),
    "rare classes twice": (
        {"sampling": "balanced", "class_weights": "balanced"}, "which would then count twice",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNFIT)
def test_unfit_settings_are_told(case):
    settings, text = UNFIT[case]
    (problem,) = problems(Config(**settings))
    assert text in problem
