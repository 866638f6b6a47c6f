"""Which images are unlike those of training, how often others are told so, and what is kept."""

import json

import jax
import numpy as np
import pytest
from PIL import Image, ImageDraw

from jaxcovid import models
from jaxcovid.data import loader, phantom
from jaxcovid.errors import InputError
from jaxcovid.inference import out_of_place
from jaxcovid.inference.out_of_place import (
    EXPECTED,
    FILE,
    Familiar,
    distances,
    familiar_of,
    judged,
    not_judged,
    of_remarks,
    read_familiar,
    remarks,
    times_too_far,
    write_familiar,
)
from tests import made_up
from tests.small_network import SMALL
from weights_convert import save

STAGES = ("stem", "layer1", "layer2", "head")


def gaussian(count, seed, centre=0.0):
    return (np.random.default_rng(seed).normal(size=(count, 24)) + centre).astype(np.float32)


@pytest.fixture(scope="module")
def features_of():
    """Images of 8 bits to features of a network of random weights."""
    small = models.build(SMALL, 2, ())
    variables = made_up.variables(small)

    @jax.jit
    def compute(images):
        outputs = small.apply(variables, loader.normalise(images), stop="layer2")
        return outputs.mean((1, 2))

    def of_images(images):
        parts = np.array_split(images, max(1, len(images) // 32))
        return np.concatenate([np.asarray(compute(part[..., None])) for part in parts])

    return of_images


def drawn(count, first):
    return np.stack([phantom.draw(seed % 2, seed, 128) for seed in range(first, first + count)])


@pytest.fixture(scope="module")
def of_phantoms(features_of):
    training, validation = features_of(drawn(80, 0)), features_of(drawn(80, 1000))
    return familiar_of("layer2", training, validation, None, seed=0)


def drawing(seed):
    rng, picture = np.random.default_rng(seed), Image.new("L", (128, 128), 255)
    canvas = ImageDraw.Draw(picture)
    for _ in range(8):
        (left, top), (right, bottom) = np.sort(rng.integers(0, 128, (2, 2)), 0).tolist()
        canvas.rectangle((left, top, right + 1, bottom + 1), outline=0, width=3)
    return np.asarray(picture)


STRANGE = {
    "noise": lambda: np.random.default_rng(0).integers(0, 256, (12, 128, 128)).astype(np.uint8),
    "a drawing": lambda: np.stack([drawing(seed) for seed in range(12)]),
    "an inverted image": lambda: 255 - drawn(12, 2000),
    "an image on its side": lambda: np.rot90(drawn(12, 2000), axes=(1, 2)).copy(),
}


@pytest.mark.parametrize("case", STRANGE)
def test_what_is_no_upright_image_is_told(case, of_phantoms, features_of):
    times = times_too_far([of_phantoms], features_of(STRANGE[case]()))
    assert (times > 1).all()


def test_few_further_images_are_told(of_phantoms, features_of):
    times = times_too_far([of_phantoms], features_of(drawn(100, 3000)))
    assert (times > 1).mean() <= 3 * EXPECTED
    alarms = of_phantoms.false_alarms
    assert alarms["low"] <= (times > 1).mean() <= alarms["high"]


def test_the_limit_tells_as_many_as_expected():
    """Over many draws of training and validation images, of further ones of the same kind."""
    shares = []
    for seed in range(40):
        familiar = familiar_of("x", gaussian(50, seed), gaussian(99, 100 + seed), None, seed)
        far = times_too_far([familiar], gaussian(200, 200 + seed))
        shares.append((far > 1).mean())
    assert np.mean(shares) == pytest.approx(EXPECTED, abs=0.012)


@pytest.mark.parametrize(("patients", "images"), [(19, 200), (100, 1000), (160, 200)])
def test_like_images_seldom_fail(patients, images):
    """Though the limit of few patients may be too near: in simulations, in 5 % at most or so."""
    generator, failed = np.random.default_rng(0), 0
    near = np.array([[1, 0]], np.float32)
    for _ in range(300):
        far = np.sort(generator.random(patients))
        limit = out_of_place._limit(far, np.arange(patients))
        familiar = Familiar("x", near, limit, patients, None)
        times = generator.random(images) / limit
        failed += judged([familiar], times, [""] * images, None)["passed"] is False
    assert failed <= 300 * 0.05


def test_a_patient_with_many_images_counts_once():
    """Without patients the many images of one, all far, would set the limit."""
    training, ordinary = np.abs(gaussian(50, 0)), np.abs(gaussian(60, 1))
    far = np.tile(-training.mean(0, keepdims=True), (30, 1))
    groups = np.array([*range(60), *[60] * 30])
    validation = np.concatenate([ordinary, far])
    known = familiar_of("x", training, validation, groups, 0)
    unknown = familiar_of("x", training, validation, None, 0)
    assert (known.patients, unknown.patients) == (61, 90)
    assert known.limit < unknown.limit == pytest.approx(float(distances(known.features, far)[0]))


@pytest.mark.parametrize(("count", "known"), [(0, False), (18, False), (19, True)])
def test_few_validation_patients_set_no_limit(count, known):
    familiar = familiar_of("x", gaussian(9, 0), gaussian(count, 1), None, 0)
    assert (familiar.limit is not None) == known
    assert familiar.false_alarms is None  # which takes two halves of as many
    check = judged([familiar], times_too_far([familiar], gaussian(3, 2)), list("abc"), None)
    assert (check["passed"] is not None) == known
    if not known:
        assert check["reason"] == (
            f"its run had {count} validation patients or images, and 19 tell what is far"
        )


def test_of_many_training_images_some_are_kept(monkeypatch):
    monkeypatch.setattr(out_of_place, "MOST", 10)
    familiar = familiar_of("x", gaussian(50, 0), gaussian(20, 1), None, 0)
    again = familiar_of("x", gaussian(50, 0), gaussian(20, 1), None, 0)
    assert familiar.features.shape == (10, 24)
    np.testing.assert_array_equal(familiar.features, again.features)


def test_an_image_of_zeros_is_no_error():
    familiar = familiar_of("x", gaussian(9, 0), gaussian(40, 1), None, 0)
    assert times_too_far([familiar], np.zeros((2, 24), np.float32)) == pytest.approx(
        np.sqrt(2) / familiar.limit
    )


def test_too_many_images_unlike_those_of_training_fail():
    paths = [f"{place}.png" for place in range(40)]
    familiar = Familiar("x", gaussian(1, 0), 0.1, 400, {"value": 0.05, "low": 0.0, "high": 0.1})
    times = np.where(np.arange(40) < 8, 1.5 + np.arange(40), 0.5)
    check = judged([familiar], times, paths, None)
    assert check["passed"] is False and check["share"]["value"] == 0.2
    assert check["found"][0] == {"path": "7.png", "times": 8.5} and len(check["found"]) == 8
    # The same share of images of two patients says nothing, and one patient counts as one.
    assert judged([familiar], times, paths, np.arange(40) % 2)["passed"] is True
    of_one = judged([familiar], times, paths, np.maximum(np.arange(40), 7))
    assert of_one["share"]["value"] == pytest.approx(1 / 33) and of_one["passed"] is True
    assert judged([], None, paths, None)["passed"] is None


def test_images_that_set_the_limit_are_not_judged_by_it():
    alarms = {"value": 0.05, "low": 0.0, "high": 0.1}
    familiar = Familiar("x", gaussian(1, 0), 0.1, 40, alarms)
    check = not_judged([familiar])
    assert check["passed"] is None and check["false_alarms"] == alarms and check["found"] == []
    assert "used to train the network or to set the limit" in check["reason"]
    assert not_judged([familiar, familiar])["false_alarms"] is None  # of all it is another


def test_words():
    assert remarks(None, 2) == ["", ""]
    near, far = remarks(np.array([1.0, 2.34]), 2)
    assert near == "" and far == ("unlike the training images (distance 2.3 times the limit)")
    assert of_remarks({"a": "", "b": ""}) == ""
    assert of_remarks({"a": far, "b": ""}).startswith("1 of 2 images is unlike the images")
    assert "(a, b, c, ...)" in of_remarks(dict.fromkeys("abcd", far))


def test_what_is_kept_is_read_back(tmp_path):
    familiar = familiar_of("layer2", gaussian(9, 0), gaussian(60, 1), None, 0)
    write_familiar(tmp_path, familiar)
    (again,) = read_familiar(tmp_path, STAGES)
    np.testing.assert_array_equal(again.features, familiar.features)
    assert again._replace(features=None) == familiar._replace(features=None)
    assert read_familiar(tmp_path / "none", STAGES) == ()


GOOD = {"stage": "layer2", "limit": 0.1, "patients": 30, "false_alarms": None}
DAMAGED = {
    "a stage that is none": (GOOD | {"stage": "layer9"}, gaussian(3, 0)),
    "the head": (GOOD | {"stage": "head"}, gaussian(3, 0)),
    "a limit in words": (GOOD | {"limit": "far"}, gaussian(3, 0)),
    "a limit that is too far": (GOOD | {"limit": 3.0}, gaussian(3, 0)),
    "half a patient": (GOOD | {"patients": 1.5}, gaussian(3, 0)),
    "something else": (GOOD | {"more": 1}, gaussian(3, 0)),
    "something less": ({"stage": "layer2"}, gaussian(3, 0)),
    "no shares": (GOOD | {"false_alarms": {"value": 3}}, gaussian(3, 0)),
    "numbers that are none": (GOOD, np.full((3, 2), np.nan, np.float32)),
    "no images": (GOOD, gaussian(0, 0)),
    "one row": (GOOD, gaussian(3, 0)[0]),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_what_no_run_writes_is_an_error(case, tmp_path):
    known, features = DAMAGED[case]
    save(tmp_path / FILE, {"features": features}, {"familiar": json.dumps(known)})
    with pytest.raises(InputError, match=f"{FILE} is damaged"):
        read_familiar(tmp_path, STAGES)


def test_bytes_that_are_no_file_of_arrays_are_an_error(tmp_path):
    (tmp_path / FILE).write_bytes(b"nonsense")
    with pytest.raises(InputError, match=f"{FILE} is damaged"):
        read_familiar(tmp_path, STAGES)


def test_features_of_another_network_are_an_error():
    familiar = Familiar("x", gaussian(3, 0), 0.1, 40, None)
    with pytest.raises(InputError, match="of another network"):
        times_too_far([familiar], np.ones((2, 7), np.float32))
