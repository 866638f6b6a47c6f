"""Where in an image a network looked."""

import functools
from collections.abc import Callable
from typing import cast

import jax
import numpy as np
from jaxtyping import Array, Float, Int, UInt8

from jaxcovid.compilation import compiler_options
from jaxcovid.data.loader import normalise
from jaxcovid.models import Ensemble, Model
from jaxcovid.models.quick import quick_forward
from jaxcovid.training.pytrees import Variables


def grad_cam(
    model: Model,
    variables: Variables,
    images: Float[Array, "batch height width channel"],
    classes: Int[Array, "batch"],
    stage: str | None = None,
) -> Float[Array, "batch rows columns"]:
    """How much every place of the images speaks for a class of theirs; 0 where not at all.

    Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391) on normalised images: the positive part of
    the sum of a stage's channels, each weighted by its mean gradient of the class's logit. Without
    `stage` the last one before the head. The maps are as coarse as the stage's output.

    >>> network, images = jaxcovid.load(run), jnp.zeros((2, 224, 224, 3))
    >>> classes = jnp.array([0, 1])
    >>> jaxcovid.grad_cam(network.model, network.variables, images, classes).shape
    (2, 7, 7)
    """
    stage = model.stages[-2] if stage is None else stage
    features = cast(Array, model.apply(variables, images, stop=stage))
    return grad_cam_of_features(model, variables, features, classes, stage)


def grad_cam_of_features(
    model: Model,
    variables: Variables,
    features: Float[Array, "batch rows columns channel"],
    classes: Int[Array, "batch"],
    stage: str,
) -> Float[Array, "batch rows columns"]:
    """Grad-CAM from what `stage` puts out on; 0 where nothing speaks for an image's class.

    The stages after it are all that is computed. `variables` are params and batch_stats.
    """

    def chosen_logits(features: Float[Array, "batch rows columns channel"]) -> Float[Array, ""]:
        start = model.stages[model.stages.index(stage) + 1]
        logits = cast(Array, model.apply(variables, features, start=start))
        return jax.vmap(lambda row, index: row[index])(logits, classes).sum()

    weights = jax.grad(chosen_logits)(features).mean((1, 2), keepdims=True)
    return jax.nn.relu((weights * features).sum(-1))


def compiled_grad_cam(model: Model | Ensemble, variables: Variables) -> Callable[..., np.ndarray]:
    """The function that explains images as they lie in memory, by Grad-CAM on one device.

    It takes pixels of 0 to 255 and a class for each image, and gives maps in float32, not negative;
    it compiles anew for another number of images. Of an ensemble it is the mean of its networks'.
    """
    if isinstance(model, Ensemble):
        return functools.partial(grad_cam_of_several(model.member), model.of_each(variables))
    return functools.partial(grad_cam_by_variables(model), variables)


def grad_cam_of_several(model: Model) -> Callable[..., np.ndarray]:
    """The same of several networks of one architecture, whose variables come first: the mean."""
    explain = grad_cam_by_variables(model)
    return lambda each, images, classes: np.mean([explain(one, images, classes) for one in each], 0)


def grad_cam_by_variables(model: Model) -> Callable[..., np.ndarray]:
    """The same of networks of one architecture: variables come before images and classes."""
    alone = model.clone(axis_name=None)
    quick, stage = quick_forward(alone), alone.stages[-2]

    # Two programs: the large one is the same for any head, so it is compiled once for many.
    @functools.partial(jax.jit, compiler_options=compiler_options())
    def features(
        variables: Variables, images: UInt8[Array, "batch height width channel"]
    ) -> Float[Array, "batch rows columns feature"]:
        return cast(Array, quick.apply(variables, normalise(images), stop=stage))

    @jax.jit
    def heat(
        variables: Variables,
        features: Float[Array, "batch rows columns feature"],
        classes: Int[Array, "batch"],
    ) -> Float[Array, "batch rows columns"]:
        return grad_cam_of_features(alone, variables, features, classes, stage)

    def heats(
        variables: Variables,
        images: UInt8[np.ndarray, "n height width channel"],
        classes: Int[np.ndarray, "n"],
    ) -> Float[np.ndarray, "n rows columns"]:
        maps = heat(variables, features(variables, images), classes.astype(np.int32))
        return np.asarray(maps, np.float32)

    return heats
