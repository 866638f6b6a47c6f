"""Settings as functions: the loss, the update, the learning rate.

Numbers among the settings may be traced, so that a sweep trains many of them in one program.
"""

import numpy as np
import optax
from jaxtyping import Array, Int

from jaxcovid.config import Config
from jaxcovid.errors import InputError
from jaxcovid.training.losses import LOSSES, Codes, Loss, balanced_weights, weighted
from jaxcovid.training.optimizers import optimizer, schedule
from jaxcovid.training.pytrees import LabelTree
from jaxcovid.training.trainable import freeze

# Learning rates by step: of the head, and of what trains below it.
Rates = tuple[optax.Schedule, optax.Schedule]


def update_rule(config: Config, labels: LabelTree, rates: Rates) -> optax.GradientTransformation:
    """The optimizer of the settings, with a learning rate for each label; frozen leaves stay.

    `labels` are as `trainable.label` gives them, `rates` as `learning_rates` does.
    """
    head, backbone = (
        optimizer(config.optimizer, rate, config.momentum, config.weight_decay) for rate in rates
    )
    return freeze(head, backbone, labels)


def learning_rates(config: Config, examples: int) -> Rates:
    """The learning rates of the head and of what trains below it, by step, the first being step 0.

    `examples` is the number of training images, each of which an epoch takes once.
    """
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
    train_labels: Int[np.ndarray | Array, "n"],
    axis_name: str | None,
) -> Loss:
    """The loss that the settings ask for; the number of examples in its mean is taken elsewhere.

    `codes` are what each class is coded as, a row by class. `axis_name` is the model's; a loss that
    looks beyond its example needs it. Raises InputError if `focal_alpha` has neither one number nor
    one for each class.
    """
    del axis_name
    if config.loss == "focal" and len(config.focal_alpha) not in (1, codes.shape[1]):
        raise InputError(
            [
                f"`focal_alpha`: {len(config.focal_alpha)} numbers for {len(codes)} classes; "
                "give one, or one for each"
            ]
        )
    loss = LOSSES[config.loss](codes, config.focal_alpha, config.focal_gamma)
    return class_weighted(config, loss, train_labels, len(codes))


def class_weighted(
    config: Config, loss: Loss, train_labels: Int[np.ndarray | Array, "n"], classes: int
) -> Loss:
    """The loss, weighted by class if the settings ask for it; `classes` is their number.

    The weights of `class_weights=balanced` come from how often each class is among `train_labels`.
    """
    if config.class_weights == "balanced":
        return weighted(loss, balanced_weights(train_labels, classes))
    return loss
