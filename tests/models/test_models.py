import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from jaxcovid import models
from jaxcovid.models.vgg import adaptive_average_pool
from weights_convert import table

HEADS = {
    "assignment": ((320,), 0.0),
    "part 2": ((256, 128), 0.5),
    "single layer": ((), 0.0),
}


def shapes(name, hidden, dropout, size=64):
    module = models.build(name, 3, hidden, dropout)
    images = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)
    return module, jax.eval_shape(module.init, jax.random.key(0), images)


@pytest.mark.parametrize("name", models.MODELS)
@pytest.mark.parametrize("head", HEADS)
def test_leaves_are_exactly_those_of_the_name_table(name, head):
    hidden, dropout = HEADS[head]
    _, variables = shapes(name, hidden, dropout)
    leaves = set(traverse_util.flatten_dict(variables))
    assert leaves == {entry.flax for entry in table(name, 3, hidden, dropout > 0)}


@pytest.mark.parametrize(("name", "size"), [("resnet18", 64), ("resnet18", 75), ("vgg16", 64)])
def test_stages_compose_to_the_whole(name, size):
    module = models.build(name, 3, (8,))
    images = jax.random.normal(jax.random.key(1), (2, size, size, 3), jnp.float32)
    variables = jax.jit(module.init)(jax.random.key(0), images)
    run = jax.jit(module.apply, static_argnames=("start", "stop"))
    whole = run(variables, images)
    assert whole.shape == (2, 3) and whole.dtype == jnp.float32
    x = images
    for stage in module.stages:
        x = run(variables, x, start=stage, stop=stage)
    np.testing.assert_allclose(x, whole, rtol=1e-5, atol=1e-5)


STAGE_SHAPES = {
    "resnet18": [(56, 64), (56, 64), (28, 128), (14, 256), (7, 512)],
    "vgg16": [(112, 64), (56, 128), (28, 256), (14, 512), (7, 512)],
}


@pytest.mark.parametrize("name", models.MODELS)
def test_stage_shapes_at_224(name):
    module, variables = shapes(name, (320,), 0.0, 224)
    images = jax.ShapeDtypeStruct((2, 224, 224, 3), jnp.float32)
    for stage, (side, channels) in zip(module.stages, STAGE_SHAPES[name], strict=False):

        def run(variables, images, stage=stage):
            return module.apply(variables, images, stop=stage)

        assert jax.eval_shape(run, variables, images).shape == (2, side, side, channels)


def test_bfloat16_computes_in_half_and_keeps_parameters_in_full_precision():
    module = models.build("resnet18", 2, (8,), dtype=jnp.bfloat16)
    images = jnp.ones((1, 32, 32, 3), jnp.float32)
    variables = jax.eval_shape(module.init, jax.random.key(0), images)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype(jnp.float32)}

    def run(variables):
        return module.apply(variables, images, stop="layer4")

    assert jax.eval_shape(run, variables).dtype == jnp.bfloat16


@pytest.mark.parametrize("size", [1, 2, 7, 9, 16])
def test_adaptive_pool_averages_torchs_bins(size):
    x = np.random.default_rng(0).normal(size=(1, size, size, 2)).astype(np.float32)
    got = adaptive_average_pool(jnp.asarray(x), 7)
    for i in range(7):
        for j in range(7):
            rows = slice(int(np.floor(i * size / 7)), int(np.ceil((i + 1) * size / 7)))
            columns = slice(int(np.floor(j * size / 7)), int(np.ceil((j + 1) * size / 7)))
            np.testing.assert_allclose(
                got[0, i, j], x[0, rows, columns].mean((0, 1)), rtol=1e-5, atol=1e-6
            )


def test_dropout_acts_in_training_only():
    module = models.build("resnet18", 2, (64,), 0.5)
    x = jax.random.normal(jax.random.key(1), (1, 2, 2, 512), jnp.float32)
    variables = module.init(jax.random.key(0), x, start="head")

    def run(seed, train):
        rngs = {"dropout": jax.random.key(seed)}
        return module.apply(variables, x, start="head", train=train, rngs=rngs)

    np.testing.assert_array_equal(run(1, False), run(2, False))
    assert not np.array_equal(run(1, True), run(2, True))
