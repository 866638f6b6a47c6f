import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxcovid.training.optimizers import optimizer, schedule

GRADIENTS = [1.0, -2.0, 0.5]


def trajectory(update, start=1.0):
    params = jnp.asarray([start])
    state, step = update.init(params), jax.jit(update.update)
    values = []
    for gradient in GRADIENTS:
        updates, state = step(jnp.asarray([gradient]), state, params)
        params = optax.apply_updates(params, updates)
        values.append(float(params[0]))
    return values


def sgd(lr, momentum, decay):
    p, v, out = 1.0, 0.0, []
    for g in GRADIENTS:
        v = momentum * v + (g + decay * p)
        p -= lr * v
        out.append(p)
    return out


def adam(lr, decay, decoupled):
    p, m, v, out = 1.0, 0.0, 0.0, []
    for t, g in enumerate(GRADIENTS, 1):
        g += 0 if decoupled else decay * p
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        step = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        p -= lr * (step + (decay * p if decoupled else 0))
        out.append(p)
    return out


CASES = {
    "sgd": (("sgd", 0.1, 0.0, 0.0), sgd(0.1, 0.0, 0.0)),
    "sgd with momentum": (("sgd", 0.1, 0.9, 0.0), sgd(0.1, 0.9, 0.0)),
    "sgd with momentum and decay": (("sgd", 0.1, 0.9, 0.2), sgd(0.1, 0.9, 0.2)),
    "adam": (("adam", 0.1, 0.9, 0.0), adam(0.1, 0.0, False)),
    "adam with decay": (("adam", 0.1, 0.9, 0.2), adam(0.1, 0.2, False)),
    "adamw": (("adamw", 0.1, 0.9, 0.2), adam(0.1, 0.2, True)),
}


@pytest.mark.parametrize("case", CASES)
def test_follows_torchs_formula(case):
    arguments, expected = CASES[case]
    np.testing.assert_allclose(trajectory(optimizer(*arguments)), expected, rtol=1e-5)


SCHEDULES = {
    "constant": (("constant", 2.0, 10, 0), {0: 2, 9: 2}),
    "cosine": (("cosine", 2.0, 10, 0), {0: 2, 5: 1, 10: 0}),
    "warm-up, then constant": (("constant", 2.0, 10, 4), {0: 0.5, 1: 1, 3: 2, 4: 2, 9: 2}),
    "warm-up, then cosine": (("cosine", 2.0, 12, 2), {0: 1, 1: 2, 2: 2, 7: 1, 12: 0}),
    "warm-up of one step": (("constant", 2.0, 10, 1), {0: 2, 1: 2}),
}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("case", SCHEDULES)
def test_schedule(case, compiled):
    arguments, expected = SCHEDULES[case]
    rate = jax.jit(schedule(*arguments)) if compiled else schedule(*arguments)
    got = {step: float(rate(step)) for step in expected}
    assert got == pytest.approx(expected, abs=1e-6)
