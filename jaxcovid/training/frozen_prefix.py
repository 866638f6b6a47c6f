"""The frozen stages in front of all that trains: they see the images of many steps at once.

No example depends on another there, so nothing changes but the time: large batches keep an
accelerator busy where a step has few images, and make a CPU's convolutions cheaper.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float

from jaxcovid import parallel
from jaxcovid.models import Model, stage_of
from jaxcovid.models.quick import quick_forward
from jaxcovid.parallel import Devices
from jaxcovid.training.frozen_features import before_stage
from jaxcovid.training.images_together import images_together
from jaxcovid.training.pytrees import Variables


class Prefix(NamedTuple):
    """Frozen stages, and the first one after them.

    `outputs` takes variables and normalised images to what stage `start` is given. `variables` are
    copies on all devices, as steps use up the memory of their state. `together` is how many images
    all devices are to be given at once.
    """

    start: str
    outputs: Callable[
        [Variables, Float[Array, "batch height width channel"]], Float[Array, "batch *feature"]
    ]
    variables: Variables
    together: int


def frozen_prefix(
    model: Model, variables: Variables, start: str, devices: Devices
) -> Prefix | None:
    """What lies in front of stage `start`, the first that changes; None if that is the first."""
    if start == model.stages[0]:
        return None
    quick = quick_forward(model)

    def outputs(
        variables: Variables, images: Float[Array, "batch height width channel"]
    ) -> Float[Array, "batch *feature"]:
        return before_stage(quick, variables, images, start)

    before = set(model.stages[: model.stages.index(start)])
    copies = {
        collection: {
            module: jax.tree.map(np.array, leaves)
            for module, leaves in modules.items()
            if stage_of(model, module) in before
        }
        for collection, modules in variables.items()
    }
    together = images_together(model, devices)
    return Prefix(start, outputs, parallel.replicate(copies, devices), together)


def steps_together(steps: int, batch_size: int, images: int) -> int:
    """How many of an epoch's steps are prepared for at once, where so many images are to be.

    As many as fit, less what would leave the last group of steps emptier than need be.

    >>> steps_together(98, 8, 32)
    4
    """
    most = max(1, images // batch_size)
    groups = -(-steps // most)
    return -(-steps // groups)
