"""What a caller may put in place of ordinary parts of training and measuring."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from jaxcovid.config import Config
from jaxcovid.models import Model
from jaxcovid.training.losses import Codes, Loss
from jaxcovid.training.recipe import loss_function
from jaxcovid.training.step import Forward

# Settings, codes of the classes, training labels and the devices' axis, to a loss.
LossFactory = Callable[[Config, Codes, Int[np.ndarray, "n"], str | None], Loss]

# Settings, labels, predicted classes and the metrics so far, to further metrics of a split for
# metrics.json, and sentences about them for the page.
FurtherMetrics = Callable[
    [Config, Int[np.ndarray, "n"], Int[np.ndarray, "n"], Mapping[str, Any]],
    tuple[Mapping[str, float], tuple[str, ...]],
]


class Parts(NamedTuple):
    """Parts of a run that a caller replaces; by default the ordinary ones.

    Numbers in the settings that a `loss` is given may be traced: a sweep trains many of them in one
    program.
    """

    loss: LossFactory = loss_function
    # Where classes imply others: the class of the likeliest code answers, else the largest output.
    answer_by_codes: bool = True
    # Another way to evaluate than with running statistics and without dropout.
    forward: Callable[[Model, Config], Forward] | None = None
    # Which of so many images are evaluated together, where that matters.
    order: Callable[[Config, int], Int[np.ndarray, "n"]] | None = None
    metrics: FurtherMetrics | None = None
    warnings: tuple[str, ...] = ()
    # The caller's own settings, as JSON values: they go into config.json under their names, and
    # a run is only resumed with the same.
    settings: Mapping[str, Any] = MappingProxyType({})
