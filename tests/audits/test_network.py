"""A network is asked about every measured image, whole and blanked, whatever the batch."""

import functools

import jax
import numpy as np
import pytest
from tqdm import tqdm

from jaxcovid import models
from jaxcovid.audits import network as asked
from jaxcovid.audits.blind_floor import trial_of
from jaxcovid.audits.lungs import blanked
from jaxcovid.audits.views import inside_ellipse
from jaxcovid.inference.inference_model import InferenceModel
from tests import made_up
from tests.audits.made_up import dataset, noise, split
from tests.small_network import SMALL

no_bar = functools.partial(tqdm, disable=True)
CLASSES = ("a", "b")
ELLIPSE = inside_ellipse(224, 224)[None]


@pytest.fixture(scope="module")
def network():
    model = models.build(SMALL, 2, axis_name="batch")
    variables = made_up.variables(model.clone(axis_name=None))
    return InferenceModel("runs/one", SMALL, model, variables, CLASSES, None, (), {}, {}, {})


def made(**sizes):
    splits = {}
    for seed, (name, count) in enumerate(sizes.items()):
        labels = np.arange(count) % 2
        splits[name] = split(name, noise(labels, seed), labels)
    return dataset(splits, classes=CLASSES)


def outputs(network, images):
    """What the head is given, averaged, and probabilities."""
    from jaxcovid.data.loader import normalise

    model = network.model.clone(axis_name=None)

    @jax.jit
    def both(images):
        features = model.apply(network.variables, normalise(images), stop="layer2")
        logits = model.apply(network.variables, features, start="head")
        return features.mean((1, 2)), jax.nn.softmax(logits)

    return jax.device_get(both(images))


@pytest.mark.parametrize("together", [3, 16])
def test_every_image_is_asked_about_once(together, network, monkeypatch):
    monkeypatch.setattr(asked, "images_together", lambda *_: together)
    data = made(train=4, validation=5)
    examined = asked.examine(network, data, trial_of(data), None, no_bar)
    images = data.splits["validation"].evaluation
    _, probabilities = outputs(network, images)
    np.testing.assert_allclose(examined.probabilities, probabilities, atol=1e-4)
    assert set(examined.features) == {"train", "validation"}
    features, _ = outputs(network, blanked(images, ELLIPSE))
    np.testing.assert_allclose(examined.features["validation"], features, rtol=1e-3, atol=1e-4)
    assert len(examined.features["train"]) == 4
    assert {"whole", "lungs_blanked", "border_blanked", "grad_cam_outside"} <= set(examined.lungs)


def test_masks_blank_what_they_show(network):
    data = made(images=4)
    trial = trial_of(data)
    everything = np.ones((4, 224, 224), bool)
    plain = asked.examine(network, data, trial, None, no_bar).lungs
    masked = asked.examine(network, data, trial, everything, no_bar).lungs
    assert (plain["lungs"], masked["lungs"]) == ("a central ellipse", "a mask of each image")
    # Nothing is left to tell images by.
    assert masked["lungs_blanked"]["auroc"]["value"] == 0.5
    assert masked["grad_cam_outside"]["value"] in (0, None)
