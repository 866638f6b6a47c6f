import functools

import jax
import numpy as np

from jaxcovid import models
from tests import made_up


def test_dropout_acts_in_training_only():
    module = models.build("resnet18", 2, (64,), 0.5)
    x = made_up.normal((1, 2, 2, 512))
    variables = made_up.variables(module, x.shape, "head")

    @functools.partial(jax.jit, static_argnames="train")
    def run(seed, train):
        rngs = {"dropout": jax.random.key(seed)}
        return module.apply(variables, x, start="head", train=train, rngs=rngs)

    np.testing.assert_array_equal(run(1, False), run(2, False))
    assert not np.array_equal(run(1, True), run(2, True))
