"""Convolutions with fewer multiplications are the same convolutions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid import models
from jaxcovid.models import winograd

SAME = ((1, 1), (1, 1))
NUMBERS = ("NHWC", "HWIO", "NHWC")


def both(shape, kernel_shape, strides=(1, 1), padding=SAME, dtype=jnp.float32):
    keys = jax.random.split(jax.random.key(0))
    images = jax.random.normal(keys[0], shape, dtype)
    kernel = jax.random.normal(keys[1], kernel_shape, dtype)
    return (
        function(images, kernel, strides, padding, dimension_numbers=NUMBERS)
        for function in (winograd.convolution, jax.lax.conv_general_dilated)
    )


@pytest.mark.parametrize("size", [(16, 16), (15, 17), (1, 160)], ids=str)
@pytest.mark.parametrize("channels", [(128, 128), (128, 192)], ids=str)
def test_the_same_as_an_ordinary_convolution(size, channels):
    quick, ordinary = both((3, *size, channels[0]), (3, 3, *channels))
    assert quick.shape == ordinary.shape
    scale = float(jnp.abs(ordinary).max())
    np.testing.assert_allclose(quick / scale, ordinary / scale, atol=3e-6)


OTHERS = {
    "few channels": ((2, 16, 16, 64), (3, 3, 64, 128)),
    "few outputs": ((2, 16, 16, 128), (3, 3, 128, 64)),
    "few places": ((1, 7, 7, 128), (3, 3, 128, 128)),
    "a stride": ((4, 16, 16, 128), (3, 3, 128, 128), (2, 2)),
    "another size": ((4, 16, 16, 128), (1, 1, 128, 128), (1, 1), ((0, 0), (0, 0))),
    "other padding": ((4, 16, 16, 128), (3, 3, 128, 128), (1, 1), ((0, 0), (1, 1))),
}


@pytest.mark.parametrize("case", OTHERS)
def test_others_stay_as_they_are(case):
    np.testing.assert_array_equal(*both(*OTHERS[case]))


def test_it_multiplies_less():
    images, kernel = jnp.ones((2, 16, 16, 128)), jnp.ones((3, 3, 128, 128))

    def flops(function):
        compiled = jax.jit(lambda *both: function(*both, (1, 1), SAME, dimension_numbers=NUMBERS))
        return compiled.lower(images, kernel).compile().cost_analysis()["flops"]

    assert flops(winograd.convolution) < 0.75 * flops(jax.lax.conv_general_dilated)


def test_half_precision_stays_as_it_is():
    model = models.build("resnet18", 2, dtype=jnp.bfloat16)
    assert winograd.quick_forward(model) is model


def test_a_network_for_passes_forward_has_the_same_variables():
    model = models.build("resnet18", 2)
    shapes = [
        jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
        for network in (model, winograd.quick_forward(model))
    ]
    assert shapes[0] == shapes[1]
