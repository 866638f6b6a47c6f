import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid import models
from jaxcovid.explain import grad_cam


def test_hand_computed():
    """A single dense layer on the mean of ResNet18's features: the gradient is its weights.

    So the map is relu(sum of weight x channel) / 4 for maps of 2 x 2 places.
    """
    model = models.build("resnet18", 2)
    images = jnp.asarray(np.random.default_rng(0).normal(size=(2, 64, 64, 3)), jnp.float32)
    variables = jax.jit(model.init)(jax.random.key(0), images)
    kernel = np.zeros((512, 2), np.float32)
    kernel[3, 0], kernel[5, 0], kernel[7, 1] = 2, -1, 3
    params = {**variables["params"], "fc": {"kernel": jnp.asarray(kernel), "bias": jnp.ones(2)}}
    variables = {**variables, "params": params}
    features = np.asarray(model.apply(variables, images, stop="layer4"))
    expected = np.stack(
        [
            np.maximum(2 * features[0, :, :, 3] - features[0, :, :, 5], 0) / 4,
            3 * features[1, :, :, 7] / 4,
        ]
    )
    assert expected.shape == (2, 2, 2) and expected.max() > 0
    got = grad_cam(model, variables, images, jnp.array([0, 1]))
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("model", "stage", "side"), [("vgg16", None, 1), ("resnet18", "layer3", 2)]
)
def test_a_class_that_only_one_place_speaks_for(model, stage, side):
    """Each image's map is its own, and not that of another image of the batch."""
    module = models.build(model, 3)
    images = jnp.asarray(np.random.default_rng(0).normal(size=(2, 32, 32, 3)), jnp.float32)
    variables = jax.jit(module.init)(jax.random.key(0), images)
    explain = jax.jit(lambda images, classes: grad_cam(module, variables, images, classes, stage))
    both = explain(images, jnp.array([1, 2]))
    assert both.shape == (2, side, side) and (both >= 0).all() and (both > 0).any()
    alone = explain(images[1:], jnp.array([2]))
    np.testing.assert_allclose(both[1:], alone, rtol=1e-3, atol=1e-6)
