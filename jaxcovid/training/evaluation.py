"""What a network says of the images of a split."""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int
from tqdm import tqdm

from jaxcovid import parallel
from jaxcovid.data import loader
from jaxcovid.data.dataset import Split
from jaxcovid.data.loader import Examples, Indices
from jaxcovid.models import Ensemble, Model
from jaxcovid.models.quick import quick_forward
from jaxcovid.parallel import Devices
from jaxcovid.training.label_codes import class_scores
from jaxcovid.training.losses import Codes, Loss
from jaxcovid.training.pytrees import BatchStats, Params, Variables
from jaxcovid.training.step import Batch, Correct, Totals, largest_is_right, make_eval_step

# Images per step of evaluation where no setting says how many.
BATCH = 32

# bar(items, **options) is tqdm, or what iterates, updates and closes like it.
Bar = Callable[..., tqdm]

# What a step of evaluation is given: images, features of the frozen part, or what a caller's own
# evaluation reads; arrays with a row for each example.
Inputs = Any


class Evaluated(NamedTuple):
    """What a step of evaluation gives: logits of the whole batch, and totals.

    `batch_stats` are what running statistics became, where evaluation moves them. `features` are
    means over places of what the stage puts out that was asked for, if one was.
    """

    logits: Float[Array, "batch class"]
    totals: Totals
    batch_stats: BatchStats | None = None
    features: Float[Array, "batch feature"] | None = None


# (params, batch_stats, inputs) to what comes of a batch.
EvalStep = Callable[..., Evaluated]

# This process's rows of each batch, to the inputs of each step.
Read = Callable[[Sequence[Indices]], Iterable[Inputs]]

# What a batch adds to sums that belong together, in the order of Totals.
Sums = Float[np.ndarray, "total"]


class Predictions(NamedTuple):
    """The probabilities that a model gives the images of a split, in the split's order.

    `loss` and `accuracy` (0 to 1) are means over images; they mean nothing for unlabelled images.
    `findings` are the probabilities of every output by itself, where classes imply others.
    `batch_stats` and `features` are as in `Evaluated`. `remarks` are sentences about images, empty
    where there is nothing to say.
    """

    probabilities: Float[np.ndarray, "n class"]
    loss: float
    accuracy: float
    findings: Float[np.ndarray, "n output"] | None = None
    batch_stats: BatchStats | None = None
    features: Float[np.ndarray, "n feature"] | None = None
    remarks: Sequence[str] = ()


class Means(NamedTuple):
    """Mean loss and accuracy (0 to 1) over the examples of an epoch or a split."""

    loss: float
    accuracy: float


def predict_split(
    eval_step: EvalStep,
    variables: Variables,
    read: Read,
    order: Int[np.ndarray, "n"],
    devices: Devices,
    bar: Bar,
    codes: Codes | None = None,
    batch_size: int = BATCH,
    interrupted: Callable[[], bool] = bool,
    curve: Callable[[Sums], Sums] | None = None,
    independent: bool = False,
    with_features: bool = False,
) -> Predictions:
    """Probabilities of every image of a split, each exactly once whatever the batch size.

    `order` holds the images' numbers, those of a batch together; the result is in the order of the
    numbers. `variables` lie on all `devices`. With `codes` outputs are findings, and classes
    combinations of them; outputs that are `independent` have a probability each. `curve` changes
    what a batch adds to the loss and the accuracy. Raises KeyboardInterrupt after the batch in
    which `interrupted` says so. Features are kept only if asked for.
    """
    batches = list(loader.batches(order, batch_size, devices.mesh.size))
    shares = [parallel.process_rows(batch) for batch in batches]
    results: list[Evaluated] = []
    batch_stats, moved = variables["batch_stats"], None
    for inputs in bar(read(shares), total=len(batches), delay=0.5):
        shared = parallel.shares(inputs, devices)
        result = eval_step(variables["params"], batch_stats, shared)
        features = result.features if with_features else None
        results.append(result._replace(batch_stats=None, features=features))
        if result.batch_stats is not None:
            batch_stats = moved = result.batch_stats
        # Several processes must stop at the same place, which is after the next training step.
        if jax.process_count() == 1 and interrupted():
            raise KeyboardInterrupt
    fetched = jax.device_get(results)
    sums = np.array([result.totals for result in fetched], np.float64)
    if curve is not None:
        sums = np.stack([curve(of_batch) for of_batch in sums])

    def in_order(rows: Sequence[Any]) -> np.ndarray:
        real = [of_batch[batch.mask == 1] for of_batch, batch in zip(rows, batches, strict=True)]
        return np.concatenate(real)[np.argsort(order)]

    outputs = in_order([result.logits for result in fetched])
    predictions = predictions_of(outputs, means(sums.sum(0)), codes, independent)
    features = [result.features for result in fetched]
    seen = None if any(rows is None for rows in features) else in_order(features)
    return predictions._replace(batch_stats=moved, features=seen)


def predictions_of(
    outputs: Float[np.ndarray, "n output"],
    measured: Means,
    codes: Codes | None = None,
    independent: bool = False,
) -> Predictions:
    """What a network's outputs say; `codes` and `independent` are as in `predict_split`."""
    scores = outputs if codes is None else class_scores(jnp.asarray(outputs), codes)
    probabilities = jax.nn.sigmoid(outputs) if independent else jax.nn.softmax(scores, axis=-1)
    findings = None if codes is None else np.asarray(jax.nn.sigmoid(outputs))
    return Predictions(np.asarray(probabilities), *measured, findings)


def images_of(split: Split) -> Read:
    """The reader of a split's images as torchvision evaluates them, in 8 bits."""
    return functools.partial(loader.read_batches, split, augmentable=False)


def evaluation_of_images(
    model: Model | Ensemble,
    loss: Loss,
    devices: Devices,
    correct: Correct = largest_is_right,
    stage: str | None = None,
) -> EvalStep:
    """The compiled evaluation of images in 8 bits (`Examples`), spread over the devices.

    The model's `axis_name` must be `parallel.AXIS`. `stage` is one whose features are asked for.
    """
    quick = quick_forward(model)
    following = None if stage is None else model.stages[model.stages.index(stage) + 1]
    step = make_eval_step(quick, loss, correct, following)

    def evaluate(params: Params, batch_stats: BatchStats, examples: Examples) -> Evaluated:
        images = loader.normalise(examples.images)
        features = None
        if stage is not None:
            variables = {"params": params, "batch_stats": batch_stats}
            images = cast(Array, quick.apply(variables, images, stop=stage))
            local = means_of_places(images.astype(jnp.float32))
            features = lax.all_gather(local, parallel.AXIS, tiled=True)
        labels, mask = jnp.asarray(examples.labels), jnp.asarray(examples.mask)
        return Evaluated(*step(params, batch_stats, Batch(images, labels, mask)), features=features)

    return parallel.spread(evaluate, devices, (False, False, True))


def evaluation_of_features(
    model: Model,
    loss: Loss,
    devices: Devices,
    start: str,
    correct: Correct = largest_is_right,
) -> EvalStep:
    """The compiled evaluation of features that stage `start` is given, spread over the devices.

    They may be of half precision. The model's `axis_name` must be `parallel.AXIS`.
    """
    step = make_eval_step(model, loss, correct, start)

    def evaluate(params: Params, batch_stats: BatchStats, features: Batch) -> Evaluated:
        features = features._replace(images=features.images.astype(jnp.float32))
        return Evaluated(*step(params, batch_stats, features))

    return parallel.spread(evaluate, devices, (False, False, True))


def means_of_places(outputs: Any) -> Any:
    """What a stage puts out for every image, the mean over its places: numpy's stay numpy's."""
    return outputs.mean((1, 2))


def means(sums: Sequence[float] | Float[np.ndarray, "total"]) -> Means:
    """Mean loss and accuracy from sums over examples, in the order of Totals."""
    loss, weight, correct, examples = sums
    return Means(float(loss / weight), float(correct / examples))
