"""The frozen stages in front of all that trains: they see the images of many steps at once.

No example depends on another there, so nothing changes but the time: large batches keep an
accelerator busy where a step has few images, and make a CPU's convolutions cheaper.
"""

from collections.abc import Callable
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from jaxtyping import Array, Float

from jaxcovid import parallel
from jaxcovid.models import MODELS, Model, stage_of
from jaxcovid.models.quick import quick_forward
from jaxcovid.parallel import Devices
from jaxcovid.training.images_together import ONE_IMAGE, images_together
from jaxcovid.training.pytrees import LabelTree, Variables
from jaxcovid.training.trainable import FROZEN


class Prefix(NamedTuple):
    """Frozen stages, and the first one after them.

    `outputs` takes variables and normalised images to what stage `start` is given, which is of
    `shape` for each image. `variables` are copies on all devices, as steps use up the memory of
    their state. `together` is how many images all devices are to be given at once.
    """

    start: str
    outputs: Callable[
        [Variables, Float[Array, "batch height width channel"]], Float[Array, "batch *feature"]
    ]
    shape: tuple[int, ...]
    variables: Variables
    together: int


def frozen_prefix(
    model: Model, variables: Variables, start: str, devices: Devices
) -> Prefix | None:
    """What lies in front of stage `start`, the first that changes; None if that is the first."""
    if start == model.stages[0]:
        return None
    quick = quick_forward(model)

    @jax.jit  # traced once for all programs that it is part of
    def outputs(
        variables: Variables, images: Float[Array, "batch height width channel"]
    ) -> Float[Array, "batch *feature"]:
        return _before_stage(quick, variables, images, start)

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
    images = jax.ShapeDtypeStruct(
        (together // devices.mesh.size, *ONE_IMAGE.shape[1:]), jnp.float32
    )
    shape = jax.eval_shape(outputs, copies, images).shape[1:]
    return Prefix(start, outputs, shape, parallel.replicate(copies, devices), together)


def first_stage(model: Model, labels: LabelTree, live_norms: frozenset[str]) -> str:
    """The first stage in which a parameter trains or a batch norm is live."""
    changing = {
        path[0] for path, label in traverse_util.flatten_dict(labels).items() if label != FROZEN
    }
    changing |= {path.split("/")[0] for path in live_norms}
    return min((stage_of(model, name) for name in changing), key=model.stages.index)


def stage_in_front(model: Model, start: str | None) -> str:
    """The last stage before that one, which is the first that changes; of None that of the head.

    Its outputs are what images are compared by.
    """
    return model.stages[model.stages.index(start or "head") - 1]


def steps_together(steps: int, batch_size: int, images: int) -> int:
    """How many of an epoch's steps are prepared for at once, where so many images are to be.

    As many as fit, less what would leave the last group of steps emptier than need be.

    >>> steps_together(98, 8, 32)
    4
    """
    most = max(1, images // batch_size)
    groups = -(-steps // most)
    return -(-steps // groups)


def _before_stage(
    model: Model,
    variables: Variables,
    images: Float[Array, "batch height width channel"],
    start: str,
) -> Float[Array, "batch rows columns feature"]:
    """What stage `start` is given of normalised images, and no more of it than it looks at.

    A head that averages over places is given their mean, as a single place.
    """
    stop = model.stages[model.stages.index(start) - 1]
    features = cast(Array, model.apply(variables, images, stop=stop))
    # The mean of a single place is that place.
    pooled = start == "head" and MODELS[model.architecture].averages
    return features.mean((1, 2), keepdims=True) if pooled else features
