"""A network that goes by the border is told from one that goes by the lungs."""

import json

import numpy as np
import pytest

from jaxcovid.audits.lungs import NEUTRAL, blanked, lungs
from jaxcovid.audits.views import inside_ellipse

LABELS = np.arange(60) % 2
RIGHT = np.eye(2, dtype=np.float32)[LABELS] * 0.8 + 0.1
CHANCE = np.full((60, 2), 0.5, np.float32) + np.array([0.1, -0.1], np.float32) * (
    np.random.default_rng(0).choice([-1, 1], (60, 1)).astype(np.float32)
)


def check(lungs_blanked, border_blanked, heats=None, masks=None):
    answers = {"whole": RIGHT, "lungs_blanked": lungs_blanked, "border_blanked": border_blanked}
    heats = np.ones((60, 7, 7), np.float32) if heats is None else heats
    return lungs(LABELS, ("a", "b"), None, answers, heats, masks)


NETWORKS = {  # without lungs, without border, passed
    "by the lungs": (CHANCE, RIGHT, True),
    "by the border": (RIGHT, CHANCE, False),
    "by both": (RIGHT, RIGHT, False),
}


@pytest.mark.parametrize("case", NETWORKS)
def test_what_a_network_goes_by(case):
    without_lungs, without_border, passed = NETWORKS[case]
    result = check(without_lungs, without_border)
    assert (result["passed"], bool(result["found"])) == (passed, not passed)
    assert result["whole"]["auroc"]["value"] == 1
    assert result["lungs"] == "a central ellipse"
    json.dumps(result, allow_nan=False)


def test_where_heat_lies():
    centre, corner = np.zeros((2, 60, 7, 7), np.float32)
    centre[:, 3, 3], corner[:, 0, 0] = 1, 1
    assert check(CHANCE, RIGHT, centre)["grad_cam_outside"]["value"] == 0
    assert check(CHANCE, RIGHT, corner)["grad_cam_outside"]["value"] > 0.9
    even = check(CHANCE, RIGHT)
    assert even["grad_cam_outside"]["value"] == pytest.approx(even["ellipse_area"], abs=1e-3)
    none = check(CHANCE, RIGHT, np.zeros((60, 7, 7), np.float32))["grad_cam_outside"]
    assert none["value"] is None and none["reason"]


def test_masks_take_the_place_of_the_ellipse():
    masks = np.zeros((60, 224, 224), bool)
    masks[:, :112] = True
    heats = np.zeros((60, 7, 7), np.float32)
    heats[:, 6] = 1
    result = check(CHANCE, RIGHT, heats, masks)
    assert result["grad_cam_outside"]["value"] == 1
    assert (result["lungs"], result["ellipse_area"]) == ("a mask of each image", 0.5)


@pytest.mark.parametrize("channels", [1, 3])
def test_blanking(channels):
    images = np.zeros((2, 224, 224, channels), np.uint8)
    inside = inside_ellipse(224, 224)[None]
    shown = blanked(images, inside)
    assert shown.dtype == np.uint8 and shown.shape == images.shape
    np.testing.assert_array_equal(shown[1, :, :, 0] == NEUTRAL, inside[0])
