"""Optimizers and learning-rate schedules, with torch's meaning of each setting."""

from typing import cast

import jax
import optax


def optimizer(
    name: str,
    learning_rate: optax.ScalarOrSchedule,
    momentum: float | jax.Array,
    weight_decay: float | jax.Array,
) -> optax.GradientTransformation:
    """torch.optim.SGD, Adam or AdamW.

    `momentum` belongs to SGD. `weight_decay` is added to the gradient in SGD and Adam and
    decoupled from it in AdamW. Both may be traced: a sweep trains many of them in one program.
    """
    if name == "adamw":
        return optax.adamw(learning_rate, weight_decay=cast(float, weight_decay))
    if name == "adam":
        update = optax.adam(learning_rate)
    else:
        update = optax.sgd(learning_rate, momentum=None if _absent(momentum) else momentum)
    if _absent(weight_decay):
        return update
    return optax.chain(optax.add_decayed_weights(weight_decay), update)


def _absent(value: float | jax.Array) -> bool:
    """Whether it is a plain zero, for which nothing need be kept."""
    return isinstance(value, int | float) and value == 0


def schedule(name: str, peak: float | jax.Array, steps: int, warmup_steps: int) -> optax.Schedule:
    """Learning rate by step: linear warm-up to `peak`, then constant or a cosine down to 0."""
    rest = max(steps - warmup_steps, 1)
    after = {
        "constant": optax.constant_schedule(peak),
        "cosine": optax.cosine_decay_schedule(peak, rest),
    }[name]
    if not warmup_steps:
        return after
    # The first step already moves: from peak/warmup_steps, not from 0.
    warmup = optax.linear_schedule(peak / warmup_steps, peak, max(warmup_steps - 1, 1))
    return optax.join_schedules([warmup, after], [warmup_steps])
