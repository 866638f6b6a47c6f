"""What a network says of the images of a split."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from jaxcovid import models, parallel
from jaxcovid.data import loader
from jaxcovid.data.dataset import Split
from jaxcovid.data.loader import Examples
from jaxcovid.parallel import Devices
from jaxcovid.training.label_codes import class_scores
from jaxcovid.training.losses import Codes, Loss
from jaxcovid.training.step import Batch, Forward, Scores, as_they_are, make_eval_step

BATCH = 32

# bar(items, **options) is tqdm or something like it.
Bar = Callable[..., Any]

# (params, batch_stats, examples) to logits and totals.
EvalStep = Callable[..., Any]


class Predictions(NamedTuple):
    """What a model says of a split; loss and accuracy mean nothing for unlabelled images."""

    probabilities: Float[np.ndarray, "n class"]
    loss: float
    accuracy: float
    # Of every output by itself, where classes imply others.
    findings: Float[np.ndarray, "n output"] | None = None


class Means(NamedTuple):
    """Over the examples of an epoch or a split."""

    loss: float
    accuracy: float


def predict(
    eval_step: EvalStep,
    variables: Any,
    split: Split,
    devices: Devices,
    bar: Bar,
    codes: Codes | None = None,
    batch_size: int = BATCH,
    order: Int[np.ndarray, "n"] | None = None,
    interrupted: Callable[[], bool] = bool,
) -> Predictions:
    """Probabilities of every image of a split, each exactly once whatever the batch size.

    With `codes` outputs are findings, and classes combinations of them. `order` says which images
    go together, where that matters. Raises KeyboardInterrupt if interrupted.
    """
    order = np.arange(len(split.labels)) if order is None else order
    parts = list(loader.batches(order, batch_size, devices.mesh.size))
    own = [parallel.own_rows(part) for part in parts]
    batches = loader.read(split, own, augmentable=False)
    results = []
    for examples in bar(batches, total=len(parts), delay=0.5):
        inputs = parallel.shares(examples, devices)
        results.append(eval_step(variables["params"], variables["batch_stats"], inputs))
        # Several processes must stop at the same place, which is after the next training step.
        if jax.process_count() == 1 and interrupted():
            raise KeyboardInterrupt
    logits, totals = jax.device_get(tuple(zip(*results, strict=True)))
    real = [rows[part.mask == 1] for rows, part in zip(logits, parts, strict=True)]
    outputs = np.concatenate(real)[np.argsort(order)]
    scores = outputs if codes is None else class_scores(jnp.asarray(outputs), codes)
    return Predictions(
        np.asarray(jax.nn.softmax(scores, axis=-1)),
        *means(np.array(totals, np.float64).sum(0)),
        None if codes is None else np.asarray(jax.nn.sigmoid(outputs)),
    )


def compiled_eval_step(
    module: models.Model,
    loss: Loss,
    devices: Devices,
    scores: Scores = as_they_are,
    start: str | None = None,
    forward: Forward | None = None,
) -> EvalStep:
    """The evaluation step on examples as they lie in memory, spread over the devices.

    The module's `axis_name` is `parallel.AXIS`. With `start` the examples hold what that stage is
    given, instead of images. `forward` is as in `make_eval_step`.
    """
    step = make_eval_step(module, loss, scores, start, forward)

    def from_examples(params: Any, batch_stats: Any, examples: Examples) -> Any:
        if start is None:
            images = loader.normalise(examples.images)
        else:
            images = examples.images.astype(jnp.float32)
        return step(params, batch_stats, Batch(images, examples.labels, examples.mask))

    return parallel.spread(from_examples, devices, (False, False, True))


def means(sums: Sequence[float] | np.ndarray) -> Means:
    """Loss and accuracy from sums in the order of Totals."""
    loss, weight, correct, examples = sums
    return Means(float(loss / weight), float(correct / examples))
