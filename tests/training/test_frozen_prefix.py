"""How many steps the frozen stages see at once, and that they stay what they were."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid import models, parallel
from jaxcovid.training.frozen_prefix import frozen_prefix, steps_together
from jaxcovid.training.images_together import ONE_IMAGE
from tests.small_network import SMALL

DEVICES = parallel.devices(limit=1)

TOGETHER = {  # steps of an epoch, images of each, images at once: how many steps
    "as many as fit": (96, 8, 32, 4),
    "none left half empty": (98, 8, 64, 8),  # 13 groups
    "fewer fill the groups": (9, 8, 64, 5),
    "all of a short epoch": (3, 8, 32, 3),
    "a step as large": (10, 32, 32, 1),
    "a larger step": (10, 64, 32, 1),
}


@pytest.mark.parametrize("case", TOGETHER)
def test_steps_together(case):
    steps, batch_size, images, expected = TOGETHER[case]
    together = steps_together(steps, batch_size, images)
    assert together == expected
    assert together * -(-steps // together) - steps < together  # no group is empty


def test_the_first_stage_has_none():
    model = models.build(SMALL, 2, (4,))
    assert frozen_prefix(model, {}, model.stages[0], DEVICES) is None


def test_its_variables_are_copies_of_the_stages_in_front():
    model = models.build(SMALL, 2, (4,))
    shapes = jax.eval_shape(model.init, jax.random.key(0), ONE_IMAGE)
    variables = jax.tree.map(
        lambda leaf: jnp.asarray(np.ones(leaf.shape), leaf.dtype), dict(shapes)
    )
    prefix = frozen_prefix(model, variables, "layer2", DEVICES)
    assert prefix is not None
    for collection in ("params", "batch_stats"):
        assert set(prefix.variables[collection]) == {"bn1", "layer1_0"} | (
            {"conv1"} if collection == "params" else set()
        )
    images = jnp.ones((2, 32, 32, 3))
    apply = jax.jit(model.apply, static_argnames="stop")
    expected = np.asarray(apply(variables, images, stop="layer1"))
    jax.tree.map(lambda leaf: leaf.delete(), variables)
    np.testing.assert_allclose(prefix.outputs(prefix.variables, images), expected, rtol=1e-5)
