"""A convolution as one product is the same convolution."""

import functools

import jax
import numpy as np
import pytest

from jaxcovid import models
from jaxcovid.models.convolution import as_product
from tests import made_up


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [1, 3])
def test_a_convolution_as_a_product(size, stride):
    images, kernel = made_up.normal((2, 7, 8, 5)), made_up.normal((size, size, 5, 4))
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
    features = made_up.normal(shape)
    variables = made_up.variables(model, shape, start)
    got, expected = (
        jax.jit(functools.partial(network.apply, start=start))(variables, features)
        for network in (model.clone(convolution=as_product), model)
    )
    np.testing.assert_allclose(got, expected, atol=1e-4)
