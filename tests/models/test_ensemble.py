"""Several networks as one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid import models
from jaxcovid.models.ensemble import joined
from tests.small_network import SMALL

IMAGES = jnp.asarray(np.random.default_rng(0).normal(size=(2, 32, 32, 3)), jnp.float32)
CASES = {  # the first stage in which networks differ: what is another in each, softmax or sigmoid
    "heads": ("head", False),
    "a layer": ("layer2", False),
    "all": ("stem", False),
    "findings": ("head", True),
}


def networks(first, count=3):
    """Variables that are alike before a stage, and others from there on."""
    model = models.build(SMALL, 3, (4,))
    drawn = [
        jax.tree.map(np.asarray, dict(model.init(jax.random.key(seed), IMAGES)))
        for seed in range(count)
    ]
    before = model.stages[: model.stages.index(first)]
    return model, [
        {
            kind: {
                name: drawn[0][kind][name] if models.stage_of(model, name) in before else leaves
                for name, leaves in modules.items()
            }
            for kind, modules in variables.items()
        }
        for variables in drawn
    ]


@pytest.mark.parametrize("case", CASES)
def test_the_answer_is_the_mean_of_probabilities(case):
    first, independent = CASES[case]
    model, each = networks(first)
    ensemble, variables = joined(model, each, independent)
    answer = jax.nn.sigmoid if independent else jax.nn.softmax
    expected = np.mean([answer(model.apply(one, IMAGES)) for one in each], 0)
    np.testing.assert_allclose(answer(ensemble.apply(variables, IMAGES)), expected, atol=1e-6)
    assert ensemble.stages == model.stages and ensemble.clone(axis_name="x").axis_name == "x"
    for one, other in zip(each, ensemble.of_each(variables), strict=True):
        assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), dict(one), other))


def test_the_first_stage_that_differs_is_told_by_parameters():
    # Running statistics of batch norms are alike in all that are fresh.
    assert joined(*networks("layer2"))[0].first == "layer2"
    model, (one, *_) = networks("head")
    alone, variables = joined(model, [one, one])
    assert alone.first == "head"
    np.testing.assert_allclose(
        jax.nn.softmax(alone.apply(variables, IMAGES)),
        jax.nn.softmax(model.apply(one, IMAGES)),
        atol=1e-6,
    )


def test_what_a_stage_is_given_can_be_given():
    model, each = networks("head")
    ensemble, variables = joined(model, each)
    features = model.apply(each[0], IMAGES, stop="layer2")
    np.testing.assert_allclose(
        ensemble.apply(variables, features, start="head"),
        ensemble.apply(variables, IMAGES),
        atol=1e-5,
    )
