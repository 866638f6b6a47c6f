from fnmatch import fnmatchcase

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from jaxcovid import models
from tests import made_up
from tests.small_network import SMALL
from weights_convert import ARCHITECTURES, table

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


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("resnet18", 64),
        ("resnet18", 75),
        ("vgg16", 64),
        pytest.param("resnet34", 64, marks=pytest.mark.system),
    ],
)
def test_stages_compose_to_the_whole(name, size):
    module = models.build(name, 3, (8,))
    images = made_up.normal((2, size, size, 3))
    variables = made_up.variables(module)
    run = jax.jit(module.apply, static_argnames=("start", "stop"))
    whole = run(variables, images)
    assert whole.shape == (2, 3) and whole.dtype == jnp.float32
    x = images
    for stage in module.stages:
        x = run(variables, x, start=stage, stop=stage)
    np.testing.assert_allclose(x, whole, rtol=1e-5, atol=1e-5)


RESNET = [(56, 64), (56, 64), (28, 128), (14, 256), (7, 512)]
STAGE_SHAPES = {
    "resnet18": RESNET,
    "resnet34": RESNET,
    SMALL: RESNET[:3],
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


def test_every_architecture_with_a_table_of_names_can_be_built():
    assert list(models.MODELS) == list(ARCHITECTURES)


@pytest.mark.parametrize("name", models.MODELS)
@pytest.mark.parametrize("hidden", [(), (8,)])
def test_every_module_belongs_to_a_stage_and_stages_follow_the_images(name, hidden):
    module, variables = shapes(name, hidden, 0.0)
    assert tuple(models.MODELS[name].stages) == module.stages
    blocks = dict.fromkeys(entry.flax[1] for entry in table(name, 3, hidden))
    assert set(blocks) == set(variables["params"])
    places = [module.stages.index(models.stage_of(module, block)) for block in blocks]
    assert places == sorted(places) and set(places) == set(range(len(module.stages)))
    with pytest.raises(KeyError):
        models.stage_of(module, "encoder")


@pytest.mark.parametrize("name", models.MODELS)
def test_every_glob_of_the_selections_matches_and_each_holds_the_one_before(name):
    names = {entry.torch for entry in table(name, 3, (8,)) if entry.flax[0] == "params"}
    chosen = [set()]
    for selection in ("head", "last_conv", "last_block", "all"):
        globs = models.MODELS[name].selections[selection]
        matched = [{torch for torch in names if fnmatchcase(torch, glob)} for glob in globs]
        assert all(matched)
        assert chosen[-1] < set.union(*matched)
        chosen.append(set.union(*matched))
    assert list(models.MODELS[name].selections) == ["head", "last_conv", "last_block", "all"]
    assert chosen[-1] == names


@pytest.mark.parametrize("name", models.MODELS)
def test_a_head_that_averages_gives_the_same_for_the_means(name):
    module, channels = models.build(name, 3), ARCHITECTURES[name].channels[-1][-1]
    x = made_up.normal((2, 7, 7, channels))
    variables = made_up.variables(module, x.shape, "head")
    whole = module.apply(variables, x, start="head")
    means = module.apply(variables, x.mean((1, 2), keepdims=True), start="head")
    alike = np.allclose(whole, means, rtol=1e-5, atol=1e-5)
    assert alike == models.MODELS[name].averages
