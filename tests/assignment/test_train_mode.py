"""Evaluation in train mode: statistics of the batch, dropout anew, running statistics that move."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid import models, parallel
from jaxcovid.assignment.train_mode import in_train_mode, reading, shuffled, train_mode
from jaxcovid.config import Config
from jaxcovid.data import loader
from jaxcovid.training.losses import cross_entropy
from jaxcovid.training.step import Batch, largest_is_right
from tests import made_up
from tests.small_network import SMALL
from tests.training.small import split

DEVICES = parallel.devices(limit=1)
SETTINGS = Config(eval_batch_size=4, seed=3)


@pytest.fixture(scope="module")
def model():
    return models.build(SMALL, 2, (64,), 0.5).clone(axis_name=parallel.AXIS)


@pytest.fixture(scope="module")
def variables(model):
    return made_up.variables(model.clone(axis_name=None))


def test_train_mode_takes_the_statistics_of_the_batch_and_keeps_dropout(model, variables):
    alone = model.clone(axis_name=None)
    images = made_up.normal((4, 32, 32, 3))
    batch = Batch(images, jnp.zeros(4, jnp.int32), jnp.ones(4))

    @jax.jit
    def forward(key, batch):
        return train_mode(alone, variables["params"], variables["batch_stats"], batch, key)[0]

    def logits(seed, batch):
        return forward(jax.random.key(seed), batch)

    plain = jax.jit(alone.apply)(variables, images)
    assert np.abs(logits(0, batch) - plain).max() > 0.01
    assert np.abs(logits(0, batch) - logits(1, batch)).max() > 0.01
    # What an image gets depends on the others of its batch.
    other = batch._replace(images=images.at[1:].multiply(3.0))
    assert np.abs(logits(0, batch)[0] - logits(0, other)[0]).max() > 1e-4


def batches_of(read, order):
    return list(read(list(loader.batches(order, SETTINGS.eval_batch_size, 1))))


def test_every_pass_and_every_batch_draws_anew():
    """One key for all batches, epochs and splits would drop the same places everywhere."""
    part, draws = split(np.arange(10) % 2), []
    for name in ("validation", "train"):
        for epoch in (0, 1, 2):
            order, read = reading(SETTINGS, name, part, epoch)
            np.testing.assert_array_equal(order, shuffled(10, 3))
            of_pass = batches_of(read, order)
            np.testing.assert_array_equal(of_pass[1].examples.indices, order[4:8])
            draws += [tuple(inputs.draw[0]) for inputs in of_pass]
            assert all((inputs.draw == inputs.draw[0]).all() for inputs in of_pass)
    assert len(set(draws)) == len(draws) == 2 * 3 * 3


def test_answers_depend_on_the_draw_alone(model, variables):
    part = split(np.arange(4) % 2, (32, 32))
    evaluation = in_train_mode(moving=False)
    step = evaluation.step(model, SETTINGS, cross_entropy(), largest_is_right, DEVICES)
    shares = parallel.shares(
        batches_of(reading(SETTINGS, "train", part, 1)[1], np.arange(4))[0], DEVICES
    )
    results = [
        step(variables["params"], variables["batch_stats"], shares._replace(draw=draws))
        for draws in (shares.draw, shares.draw, shares.draw + 1)
    ]
    assert all(result.batch_stats is None for result in results)
    first, again, other = (result.logits for result in results)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01


def test_running_statistics_move_as_in_training(model, variables):
    part = split(np.arange(4) % 2, (32, 32))
    evaluation = in_train_mode(moving=True)
    step = evaluation.step(model, SETTINGS, cross_entropy(), largest_is_right, DEVICES)
    (inputs,) = batches_of(reading(SETTINGS, "validation", part, 1)[1], np.arange(4))
    before = variables["batch_stats"]
    after = step(variables["params"], before, parallel.shares(inputs, DEVICES)).batch_stats
    # torch: 0.9 of what they were, and 0.1 of the batch's mean; of the first layer by hand.
    images = loader.normalise(part.evaluation)
    kernel = variables["params"]["conv1"]["kernel"]
    outputs = jax.lax.conv_general_dilated(
        images, kernel, (2, 2), ((3, 3), (3, 3)), dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    expected = 0.9 * before["bn1"]["mean"] + 0.1 * outputs.mean((0, 1, 2))
    np.testing.assert_allclose(after["bn1"]["mean"], expected, rtol=1e-4, atol=1e-5)
    variance = outputs.var((0, 1, 2), ddof=1)
    expected = 0.9 * before["bn1"]["var"] + 0.1 * variance
    np.testing.assert_allclose(after["bn1"]["var"], expected, rtol=1e-4, atol=1e-5)
