"""How many images pass a network at once, where no step says so.

More need more memory and save little time.
"""

import functools

import jax
import jax.numpy as jnp

from jaxcovid.models import Ensemble, Model
from jaxcovid.parallel import Devices

# On each device.
MOST_ON_CPU, MOST_ON_ACCELERATOR = 16, 256

# On CPUs, what the first stage puts out for them; on the way there it takes several times as much.
BYTES_ON_CPU = 26e6

# A batch of one image, described.
ONE_IMAGE = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)


def images_together(model: Model | Ensemble, devices: Devices) -> int:
    """How many images all `devices` together are to be given at once."""
    count = devices.mesh.size
    if devices.mesh.devices.flat[0].platform != "cpu":
        return count * MOST_ON_ACCELERATOR
    network = model.member if isinstance(model, Ensemble) else model
    alone = network.clone(axis_name=None)
    first_stage = functools.partial(alone.init_with_output, stop=model.stages[0])
    outputs, _ = jax.eval_shape(first_stage, jax.random.key(0), ONE_IMAGE)
    fit = BYTES_ON_CPU // (outputs.size * outputs.dtype.itemsize)
    return count * int(min(MOST_ON_CPU, max(1, fit)))
