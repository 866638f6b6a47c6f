"""What a network says of images with their lungs, without them, and with nothing else."""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from jaxcovid import parallel
from jaxcovid.audits.blind_floor import Trial
from jaxcovid.audits.lungs import Masks, blanked, lungs
from jaxcovid.audits.views import inside_ellipse
from jaxcovid.compilation import compiler_options
from jaxcovid.data.dataset import Dataset, Split
from jaxcovid.data.loader import normalise
from jaxcovid.inference.grad_cam import compiled_grad_cam
from jaxcovid.inference.inference_model import InferenceModel
from jaxcovid.models import Ensemble
from jaxcovid.models.quick import quick_forward
from jaxcovid.training.evaluation import Bar, means_of_places
from jaxcovid.training.images_together import images_together
from jaxcovid.training.label_codes import class_scores

Probabilities = Float[np.ndarray, "n class"]


class Examined(NamedTuple):
    """What a network says of the measured images, the check of its lungs, features by split.

    Features are of images whose centre is blanked, means over all places of what the head is given.
    """

    probabilities: Probabilities
    lungs: dict[str, Any]
    features: dict[str, Float[np.ndarray, "n feature"]]


def examine(
    network: InferenceModel, dataset: Dataset, trial: Trial, masks: Masks | None, bar: Bar
) -> Examined:
    """Everything that audits ask a network, on the images that `trial` measures and learns from.

    `masks` say where the lungs are in those that are measured, None for the ellipse.
    """
    ask = _asked(network)
    split = dataset.splits[trial.measured]
    ellipse = inside_ellipse(224, 224)[None]
    answers: dict[str, list[np.ndarray]] = {}
    heats, explain = [], compiled_grad_cam(network.model, network.variables)
    size = images_together(network.model, parallel.devices(limit=1))
    for places in bar(_batches(split, size), desc="Blanking lungs", unit="batch", delay=0.5):
        images = split.evaluation[places]
        where = ellipse if masks is None else masks[places]
        for name, shown in (
            ("whole", images),
            ("lungs_blanked", blanked(images, where)),
            ("border_blanked", blanked(images, ~where)),
        ):
            answers.setdefault(name, []).append(ask(shown, size)[0])
        heats.append(explain(_full(images, size), _full(answers["whole"][-1].argmax(1), size))
                     [: len(places)])  # fmt: skip
    together = {name: np.concatenate(parts) for name, parts in answers.items()}
    features = {
        name: np.concatenate(
            [
                ask(blanked(dataset.splits[name].evaluation[places], ellipse), size)[1]
                for places in bar(
                    _batches(dataset.splits[name], size), desc=f"Blanking {name} images",
                    unit="batch", delay=0.5,
                )
            ]
        )
        for name in (trial.train, trial.measured)
        if name is not None
    }  # fmt: skip
    result = lungs(
        split.labels, dataset.classes, trial.groups, together, np.concatenate(heats), masks
    )
    return Examined(together["whole"], result, features)


def stage_features(
    network: InferenceModel, dataset: Dataset, stage: str, bar: Bar
) -> dict[str, Float[np.ndarray, "_ feature"]]:
    """Means over places of what that stage puts out for the images of every split."""
    assert not isinstance(network.model, Ensemble)
    model = quick_forward(network.model.clone(axis_name=None))

    def compute(
        variables: Mapping[str, Any], images: UInt8[Array, "batch height width channel"]
    ) -> Float[Array, "batch feature"]:
        outputs = cast(Array, model.apply(variables, normalise(images), stop=stage))
        return means_of_places(outputs.astype(jnp.float32))

    compiled = jax.jit(compute, compiler_options=compiler_options())
    size = images_together(network.model, parallel.devices(limit=1))
    features = {}
    for name, split in dataset.splits.items():
        watched = bar(
            _batches(split, size), desc=f"Features of {name} images", unit="batch", delay=0.5
        )
        rows = [
            np.asarray(compiled(network.variables, jnp.asarray(_full(images, size))))[: len(images)]
            for images in (split.evaluation[places] for places in watched)
        ]
        features[name] = np.concatenate(rows)
    return features


def _asked(network: InferenceModel) -> Any:
    """The function from images in 8 bits, and how many to compute at once, to answers."""
    assert not isinstance(network.model, Ensemble)
    model = quick_forward(network.model.clone(axis_name=None))

    def compute(
        variables: Mapping[str, Any], images: UInt8[Array, "batch height width channel"]
    ) -> tuple[Float[Array, "batch class"], Float[Array, "batch feature"]]:
        stage, head = model.stages[-2:]
        features = cast(Array, model.apply(variables, normalise(images), stop=stage))
        logits = cast(Array, model.apply(variables, features, start=head))
        scores = logits if network.codes is None else class_scores(logits, network.codes)
        return jax.nn.softmax(scores, axis=-1), features.mean((1, 2))

    compiled = jax.jit(compute, compiler_options=compiler_options())

    def ask(images: UInt8[np.ndarray, "n height width channel"], size: int) -> list[np.ndarray]:
        outputs = compiled(network.variables, jnp.asarray(_full(images, size)))
        return [np.asarray(output)[: len(images)] for output in outputs]

    return ask


def _batches(split: Split, size: int) -> list[np.ndarray]:
    places = np.arange(len(split.labels))
    return [places[start : start + size] for start in range(0, len(places), size)]


def _full(rows: np.ndarray, size: int) -> np.ndarray:
    """The rows, the last repeated up to so many: programs are compiled for one number of images."""
    return rows[np.minimum(np.arange(size), len(rows) - 1)]
