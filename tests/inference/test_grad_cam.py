import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxcovid import models
from jaxcovid.data.loader import normalise
from jaxcovid.inference.grad_cam import compiled_grad_cam, grad_cam
from tests import made_up
from tests.small_network import SMALL


def test_hand_computed():
    """A single dense layer on the mean of a ResNet's features: the gradient is its weights.

    So the map is relu(sum of weight x channel) / 16 for maps of 4 x 4 places.
    """
    model = models.build(SMALL, 2)
    images = jnp.asarray(np.random.default_rng(0).normal(size=(2, 32, 32, 3)), jnp.float32)
    variables = made_up.variables(model)
    kernel = np.zeros((128, 2), np.float32)
    kernel[3, 0], kernel[5, 0], kernel[7, 1] = 2, -1, 3
    params = {**variables["params"], "fc": {"kernel": jnp.asarray(kernel), "bias": jnp.ones(2)}}
    variables = {**variables, "params": params}
    apply = jax.jit(model.apply, static_argnames="stop")
    features = np.asarray(apply(variables, images, stop="layer2"))
    expected = np.stack(
        [
            np.maximum(2 * features[0, :, :, 3] - features[0, :, :, 5], 0) / 16,
            3 * features[1, :, :, 7] / 16,
        ]
    )
    assert expected.shape == (2, 4, 4) and expected.max() > 0
    got = jax.jit(functools.partial(grad_cam, model))(variables, images, jnp.array([0, 1]))
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-7)


def test_hand_computed_for_vgg():
    """32 x 32 images end as one place, which the head sees 49 times: its weights add up."""
    model = models.build("vgg16", 2)
    images = jnp.asarray(np.random.default_rng(0).normal(size=(2, 32, 32, 3)), jnp.float32)
    variables = made_up.variables(model)
    kernel = np.asarray(variables["params"]["classifier_0"]["kernel"]).reshape(49, 512, 2).sum(0)
    apply = jax.jit(model.apply, static_argnames="stop")
    features = np.asarray(apply(variables, images, stop="block5"))[:, 0, 0]
    expected = [max(float(features[i] @ kernel[:, label]), 0) for i, label in ((0, 1), (1, 0))]
    got = jax.jit(functools.partial(grad_cam, model))(variables, images, jnp.array([1, 0]))
    assert got.shape == (2, 1, 1) and max(expected) > 0
    np.testing.assert_allclose(got[:, 0, 0], expected, rtol=1e-4, atol=1e-6)


def test_compiled_is_the_same():
    model = models.build(SMALL, 3, (4,), axis_name="batch")
    pixels = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 1), np.uint8)
    alone = model.clone(axis_name=None)
    variables = made_up.variables(alone)
    got = compiled_grad_cam(model, variables)(pixels, np.array([2, 0]))
    expected = jax.jit(functools.partial(grad_cam, alone))(
        variables, normalise(pixels), jnp.array([2, 0])
    )
    assert got.dtype == np.float32 and got.max() > 0
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)
