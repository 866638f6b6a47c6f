"""A convolution as one product is the same convolution."""

import functools

import jax
import numpy as np
import pytest

from jaxcovid import models
from jaxcovid.models.convolution import as_product


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [1, 3])
def test_a_convolution_as_a_product(size, stride):
    keys = jax.random.split(jax.random.key(0))
    images = jax.random.normal(keys[0], (2, 7, 8, 5))
    kernel = jax.random.normal(keys[1], (size, size, 5, 4))
    padding = ((size // 2, size // 2),) * 2
    expected = jax.lax.conv_general_dilated(
        images, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    got = as_product(images, kernel, (stride, stride), padding)
    np.testing.assert_allclose(got, expected, atol=1e-5)


LAST = {"resnet18": ("layer4", (1, 2, 2, 256)), "vgg16": ("block5", (1, 2, 2, 512))}


@pytest.mark.parametrize("name", LAST)
def test_layers_of_products_are_the_same(name):
    start, shape = LAST[name]
    model = models.build(name, 2, (4,))
    features = jax.random.normal(jax.random.key(0), shape)
    part = functools.partial(model.init, start=start)
    variables = jax.jit(part)(jax.random.key(1), features)
    got, expected = (
        jax.jit(functools.partial(network.apply, start=start))(variables, features)
        for network in (model.clone(convolution=as_product), model)
    )
    np.testing.assert_allclose(got, expected, atol=1e-4)
