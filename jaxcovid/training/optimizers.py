"""Optimizers and learning-rate schedules, with torch's meaning of each setting."""

from typing import cast

import jax
import jax.numpy as jnp
import optax

from jaxcovid.training.losses import Number
from jaxcovid.training.pytrees import Params


def optimizer(
    name: str,
    learning_rate: optax.ScalarOrSchedule,
    momentum: Number,
    weight_decay: Number,
) -> optax.GradientTransformation:
    """torch.optim.SGD, Adam or AdamW, for the names "sgd", "adam" and "adamw".

    `momentum` belongs to SGD. `weight_decay` is added to the gradient in SGD and Adam and
    decoupled from it in AdamW. Both may be traced: a sweep trains many of them in one program.
    """
    if name == "adamw":
        return _promoting(optax.adamw(learning_rate, weight_decay=cast(float, weight_decay)))
    if name == "adam":
        update = _promoting(optax.adam(learning_rate))
    else:
        update = optax.sgd(learning_rate, momentum=None if _absent(momentum) else momentum)
    if _absent(weight_decay):
        return update
    return optax.chain(optax.add_decayed_weights(weight_decay), update)


def _absent(value: Number) -> bool:
    """Whether it is a plain zero, for which nothing need be kept."""
    return isinstance(value, int | float) and value == 0


def _promoting(adam: optax.GradientTransformation) -> optax.GradientTransformation:
    """The same update, also where JAX's promotion of types is strict.

    optax raises a float to the power of the whole number of the step.
    """

    def update(
        updates: Params, state: optax.OptState, params: Params | None = None
    ) -> tuple[Params, optax.OptState]:
        with jax.numpy_dtype_promotion("standard"):
            return adam.update(updates, state, params)

    return optax.GradientTransformation(adam.init, update)


def schedule(name: str, peak: Number, steps: int, warmup_steps: int) -> optax.Schedule:
    """Learning rate by step, the first being step 0: a linear warm-up to `peak`, then `name`.

    That is "constant", or "cosine" for half a cosine down to 0 at the end of all `steps`, without
    restarts (Loshchilov and Hutter 2017, arXiv:1608.03983). `peak` may be traced. Raises KeyError
    if the name is unknown.
    """
    rest = max(steps - warmup_steps, 1)
    after = {
        "constant": optax.constant_schedule(peak),
        "cosine": _cosine(peak, rest),
    }[name]
    if not warmup_steps:
        return after
    # The first step already moves: from peak/warmup_steps, not from 0.
    warmup = optax.linear_schedule(peak / warmup_steps, peak, max(warmup_steps - 1, 1))
    return optax.join_schedules([warmup, after], [warmup_steps])


def _cosine(peak: Number, steps: int) -> optax.Schedule:
    decay = optax.cosine_decay_schedule(peak, steps)
    return lambda step: decay(jnp.asarray(step, jnp.float32))  # optax multiplies it with pi
