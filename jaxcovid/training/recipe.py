"""Settings as functions: the loss, the update, the learning rate.

Numbers among the settings may be traced, so that a sweep trains many of them in one program.
"""

from typing import Any

import numpy as np
import optax
from jaxtyping import Int

from jaxcovid import parallel
from jaxcovid.assignment import mistakes
from jaxcovid.config import Config
from jaxcovid.errors import InputError
from jaxcovid.training.losses import (
    Codes,
    Loss,
    balanced_weights,
    bce,
    cross_entropy,
    focal,
    weighted,
)
from jaxcovid.training.optimizers import optimizer, schedule
from jaxcovid.training.trainable import freeze


def update_rule(config: Config, labels: Any, examples: int) -> optax.GradientTransformation:
    """The optimizer of head and backbone; `examples` are those of an epoch."""
    head, backbone = (
        optimizer(config.optimizer, rate, config.momentum, config.weight_decay)
        for rate in learning_rates(config, examples)
    )
    return freeze(head, backbone, labels)


def learning_rates(config: Config, examples: int) -> tuple[optax.Schedule, optax.Schedule]:
    """By step, for the head and for what trains below it."""
    per_epoch = -(-examples // config.batch_size)
    warmup = round(config.warmup_epochs * per_epoch)
    backbone = config.lr if config.backbone_lr is None else config.backbone_lr
    head_rate, backbone_rate = (
        schedule(config.schedule, peak, config.epochs * per_epoch, warmup)
        for peak in (config.lr, backbone)
    )
    return head_rate, backbone_rate


def loss_function(
    config: Config,
    codes: Codes,
    train_labels: Int[np.ndarray, "n"],
    axis_name: str | None = parallel.AXIS,
) -> Loss:
    """What `--loss` and its settings ask for, with the model's `axis_name`. Raises InputError."""
    if config.loss == "focal" and len(config.focal_alpha) not in (1, len(codes)):
        raise InputError(
            [
                f"--focal-alpha: {len(config.focal_alpha)} numbers for {len(codes)} classes; "
                "give one, or one for each"
            ]
        )
    if "covid_and_normal" in config.habits:
        codes = mistakes.swapped_codes(codes)
    alpha, gamma = config.focal_alpha, config.focal_gamma
    if "batch_mean_focal" in config.habits:
        loss = mistakes.batch_mean_focal(codes, alpha[0], gamma, axis_name)
    elif config.loss == "focal":
        loss = focal(codes, alpha, gamma)
    else:
        loss = cross_entropy() if config.loss == "cross_entropy" else bce(codes)
    if "sigmoid_twice" in config.habits:
        loss = mistakes.on_probabilities(loss)
    if config.class_weights == "balanced":
        return weighted(loss, balanced_weights(train_labels, len(codes)))
    return loss
