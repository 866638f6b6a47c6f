"""Convolutions that are quicker on CPUs are the same ones, and used where they are quicker."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid import models
from jaxcovid.models import quick
from tests import made_up

SAME = ((1, 1), (1, 1))
QUICK = {
    "forward": (quick.forward_convolution, quick.quick_forward),
    "training": (quick.training_convolution, quick.quick_training),
}


def outputs(convolution, shape, kernel_shape, strides=(1, 1), padding=SAME):
    images, kernel = made_up.normal(shape), made_up.normal(kernel_shape, seed=1)
    numbers = ("NHWC", "HWIO", "NHWC")
    # As one program: else every step of Winograd's is compiled.
    one = jax.jit(lambda *given: convolution(*given, strides, padding, dimension_numbers=numbers))
    return one(images, kernel)


# Shapes of images and kernel, and where Winograd's convolution is to be used.
SHAPES = {
    "many places": ((2, 16, 16, 128), (3, 3, 128, 128), {"forward"}),
    "many places and channels": ((3, 32, 32, 256), (3, 3, 256, 256), {"forward", "training"}),
    "few channels": ((2, 16, 16, 64), (3, 3, 64, 128), set()),
    "few outputs": ((2, 16, 16, 128), (3, 3, 128, 64), set()),
    "few places": ((1, 7, 7, 128), (3, 3, 128, 128), set()),
    "a stride": ((4, 16, 16, 128), (3, 3, 128, 128), set(), (2, 2)),
    "another size": ((4, 16, 16, 128), (1, 1, 128, 128), set(), (1, 1), ((0, 0), (0, 0))),
    "other padding": ((4, 16, 16, 128), (3, 3, 128, 128), set(), (1, 1), ((0, 0), (1, 1))),
}


@pytest.mark.parametrize("case", SHAPES)
@pytest.mark.parametrize("passes", QUICK)
def test_the_same_convolution(passes, case):
    images, kernel, winograd, *options = SHAPES[case]
    given = (images, kernel, *options)
    computed = outputs(QUICK[passes][0], *given)
    exact = outputs(jax.lax.conv_general_dilated, *given)
    if passes not in winograd:
        np.testing.assert_array_equal(computed, exact)
    computed, exact = np.asarray(computed), np.asarray(exact)
    scale = np.abs(exact).max()
    np.testing.assert_allclose(computed / scale, exact / scale, atol=3e-6)
    # Of Winograd's kind there is no convolution left.
    jaxpr = str(jax.make_jaxpr(lambda: outputs(QUICK[passes][0], *given))())
    assert ("conv_general_dilated" in jaxpr) == (passes not in winograd)


def test_what_trains_is_kept_for_its_gradient():
    jaxpr = str(
        jax.make_jaxpr(lambda: outputs(quick.training_convolution, *SHAPES["a stride"][:2]))()
    )
    assert "optimization_barrier" in jaxpr


@pytest.mark.parametrize("passes", QUICK)
def test_half_precision_stays_as_it_is(passes):
    model = models.build("resnet18", 2, dtype=jnp.bfloat16)
    assert QUICK[passes][1](model) is model


@pytest.mark.parametrize("passes", QUICK)
def test_accelerators_compute_as_they_do(passes, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    model = models.build("resnet18", 2)
    assert QUICK[passes][1](model) is model


@pytest.mark.parametrize("passes", QUICK)
def test_the_variables_are_the_same(passes):
    model = models.build("resnet18", 2)
    shapes = [
        jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
        for network in (model, QUICK[passes][1](model))
    ]
    assert shapes[0] == shapes[1]
