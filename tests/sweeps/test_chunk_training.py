"""What only members that train on different images need."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid.results import Epoch
from jaxcovid.sweeps.chunk_training import _with_own_steps
from jaxcovid.training.member_loop import Underway
from jaxcovid.training.step import TrainState

MADE = {  # epochs that are over, steps of the next, and the steps that members of 5 and 4 made
    "at the start": (0, 0, [0, 0]),
    "in the first epoch": (0, 3, [3, 3]),
    "where one waits": (0, 5, [5, 4]),
    "in a later epoch": (2, 2, [12, 10]),
}


@pytest.mark.parametrize("case", MADE)
def test_members_have_made_no_more_steps_than_their_images_take(case):
    epochs, steps, expected = MADE[case]
    history = tuple(Epoch(number, 0, *[0.0] * 7) for number in range(1, epochs + 1))
    members = TrainState(jnp.zeros(2, jnp.int32), {}, {}, (), jnp.zeros(2))
    underway = Underway(members, np.zeros((2, 4)), steps, (history, history), (0, 0))
    assert _with_own_steps(underway, [5, 4]).members.step.tolist() == expected
