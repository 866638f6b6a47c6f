"""What a caller may put in place of ordinary parts of training and measuring."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Int

from jaxcovid.config import Config
from jaxcovid.data.dataset import Split
from jaxcovid.models import Model
from jaxcovid.parallel import Devices
from jaxcovid.training.evaluation import EvalStep, Predictions, Read, Sums
from jaxcovid.training.losses import Codes, Loss
from jaxcovid.training.recipe import loss_function
from jaxcovid.training.step import Correct

# Settings, codes of the classes, training labels and the devices' axis, to a loss.
LossFactory = Callable[[Config, Codes, Int[np.ndarray | Array, "n"], str | None], Loss]

# Settings, labels, predicted classes and the metrics so far, to further metrics of a split for
# metrics.json, and sentences about them for the page.
FurtherMetrics = Callable[
    [Config, Int[np.ndarray, "n"], Int[np.ndarray, "n"], Mapping[str, Any]],
    tuple[Mapping[str, float], tuple[str, ...]],
]


class Evaluation(NamedTuple):
    """Another way to evaluate than with running statistics and without dropout.

    `step` makes what is compiled once for a run; where it moves running statistics, training goes
    on with those that each epoch's validation leaves. `reading` says which of a split's images are
    evaluated together, and what the step is given of them, in the pass over that split after the
    epoch of that number; 0 is the pass after training.
    """

    step: Callable[[Model, Config, Loss, Correct, Devices], EvalStep]
    reading: Callable[[Config, str, Split, int], tuple[Int[np.ndarray, "n"], Read]]


class Parts(NamedTuple):
    """Parts of a run that a caller replaces; by default the ordinary ones.

    Numbers in the settings that a `loss` is given may be traced: a sweep trains many of them in one
    program.
    """

    loss: LossFactory = loss_function
    # Where classes imply others: the class of the likeliest code answers, else the largest output.
    answer_by_codes: bool = True
    # Codes of the classes and the devices' axis, to what the curves of accuracy count as right.
    correct: Callable[[Codes, str | None], Correct] | None = None
    # What a batch adds to the curves, of what it adds to sums over examples.
    curve: Callable[[Sums], Sums] | None = None
    evaluation: Evaluation | None = None
    # The answers to a split that are written, of those that were given.
    answers: Callable[[Config, Split, Predictions], Predictions] | None = None
    metrics: FurtherMetrics | None = None
    warnings: tuple[str, ...] = ()
    # The caller's own settings, as JSON values: they go into config.json under their names, and
    # a run is only resumed with the same.
    settings: Mapping[str, Any] = MappingProxyType({})
