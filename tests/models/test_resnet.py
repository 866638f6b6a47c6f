"""Residual networks: which batch norms are live, and where a stage begins."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid import models
from tests import made_up


@pytest.mark.parametrize("name", ["resnet18", "resnet34"])
def test_blocks_of_each_layer_are_those_of_the_architecture(name):
    module = models.build(name, 2)
    shapes = jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
    for number, count in enumerate(module.blocks, start=1):
        blocks = [block for block in shapes["params"] if block.startswith(f"layer{number}_")]
        assert len(blocks) == count
        shortcuts = [block for block in blocks if "downsample_0" in shapes["params"][block]]
        assert shortcuts == ([] if number == 1 else [f"layer{number}_0"])


def test_only_live_norms_move_and_padding_does_not_count():
    module = models.build("resnet18", 2)
    x = made_up.normal((3, 4, 4, 256))
    variables = made_up.variables(module, x.shape, "layer4")

    @jax.jit
    def run(images, mask):
        return module.apply(
            variables,
            images,
            start="layer4",
            stop="layer4",
            live_norms=["layer4_1/bn2"],
            mask=mask,
            mutable=["batch_stats"],
        )

    output, updates = run(x, jnp.ones(3))
    padded, same = run(jnp.concatenate([x, 100 * x[:1]]), jnp.array([1.0, 1.0, 1.0, 0.0]))
    np.testing.assert_allclose(padded[:3], output, rtol=1e-5, atol=1e-5)
    before = variables["batch_stats"]
    for block, norms in updates["batch_stats"].items():
        for norm, statistics in norms.items():
            moved = not np.array_equal(statistics["mean"], before[block][norm]["mean"])
            assert moved == ((block, norm) == ("layer4_1", "bn2"))
            np.testing.assert_allclose(
                same["batch_stats"][block][norm]["var"], statistics["var"], rtol=1e-5
            )
