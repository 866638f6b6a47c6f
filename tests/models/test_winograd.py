"""A convolution with fewer multiplications is the same convolution."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid.models.winograd import winograd
from tests import made_up


def ordinary(images, kernel):
    numbers = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(
        images, kernel, (1, 1), ((1, 1), (1, 1)), dimension_numbers=numbers
    )


def images_and_kernel(shape, out_channels):
    kernel_shape = 3, 3, shape[-1], out_channels
    return made_up.normal(shape), made_up.normal(kernel_shape, seed=1)


@pytest.mark.parametrize("size", [(16, 16), (15, 17), (1, 160), (1, 1)], ids=str)
@pytest.mark.parametrize("channels", [(128, 128), (3, 5)], ids=str)
def test_the_same_as_an_ordinary_convolution_and_its_gradient(size, channels):
    given = images_and_kernel((3, *size, channels[0]), channels[1])

    @functools.partial(jax.jit, static_argnums=0)
    def outputs_and_gradients(convolution, *given):
        outputs, gradients = jax.vjp(convolution, *given)
        return outputs, *gradients(jnp.ones_like(outputs))

    both = (outputs_and_gradients(convolution, *given) for convolution in (winograd, ordinary))
    for quick, exact in zip(*map(jax.device_get, both), strict=True):
        scale = np.abs(exact).max()
        np.testing.assert_allclose(quick / scale, exact / scale, atol=3e-6)


def test_it_multiplies_less():
    def flops(function):
        compiled = jax.jit(function).lower(*images_and_kernel((2, 16, 16, 128), 128)).compile()
        return compiled.cost_analysis()["flops"]

    assert flops(winograd) < 0.75 * flops(ordinary)
