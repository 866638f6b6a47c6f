"""What the assignment's original did wrong, each as an option: its figures can be explained by it.

None of it belongs into a real run: `run.py --habits` and `--as-written` say so in every result.
"""

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from jaxtyping import Array, Float, Int, PRNGKeyArray
from sklearn.metrics import f1_score

from jaxcovid import parallel
from jaxcovid.models import Model
from jaxcovid.training.losses import Codes, Labels, Logits, Loss, Number, Values, elements

HABITS = MappingProxyType(
    {
        "train_mode_evaluation": (
            "evaluation in train mode (.eval() was never called): batch norm takes the statistics "
            "of each evaluation batch of a shuffled split, and dropout stays on"
        ),
        "covid_and_normal": (
            "the first class is coded [1, 1, 0], which says covid-19 and normal instead of "
            "covid-19 and pneumonia, and the largest output is the answer"
        ),
        "sigmoid_twice": (
            "a sigmoid before the loss, which takes one itself, so that no probability "
            "in it is below 0.5 or above 0.73"
        ),
        "batch_mean_focal": (
            "the focal loss takes p_t from the mean loss of the batch, so that it weighs batches "
            "instead of examples"
        ),
        "last_batch_f1": (
            "F1 is that of the last batch alone, of class numbers above 0.15, so all classes but "
            "the first count as one"
        ),
    }
)


def warnings(habits: Sequence[str]) -> tuple[str, ...]:
    """A line for each."""
    return tuple(f"wrong on purpose, as the original was: {HABITS[habit]}" for habit in habits)


def swapped_codes(codes: Codes) -> Codes:
    """The first class as [1, 1, 0]: right only if normal came last."""
    wrong = codes.copy()
    wrong[0] = np.arange(codes.shape[1]) < 2
    return wrong


def on_probabilities(loss: Loss) -> Loss:
    """A loss on logits, given probabilities instead."""
    return lambda logits, labels, mask: loss(jax.nn.sigmoid(logits), labels, mask)


def batch_mean_focal(
    codes: Codes, alpha: Number, gamma: Number, axis_name: str | None = None
) -> Loss:
    """Alpha (1 - exp(-m))^gamma m for all examples; m is the mean cross-entropy of the batch."""

    def loss(logits: Logits, labels: Labels, mask: Values) -> tuple[Values, Values]:
        own = elements(logits, labels, codes).mean(-1)
        sums = parallel.sum_over_devices(((own * mask).sum(), mask.sum()), axis_name)
        mean = sums[0] / sums[1]
        value = alpha * (1 - jnp.exp(-mean)) ** gamma * mean
        return jnp.broadcast_to(value, own.shape), jnp.ones_like(own)

    return loss


def train_mode(
    model: Model, key: PRNGKeyArray
) -> Callable[[Any, Any, Any], Float[Array, "batch class"]]:
    """Evaluates as if it trained, with one draw of dropout for all batches."""

    def forward(params: Any, batch_stats: Any, batch: Any) -> Float[Array, "batch class"]:
        norms = {"/".join(path[:-1]) for path in traverse_util.flatten_dict(batch_stats)}
        logits, _ = model.apply(
            {"params": params, "batch_stats": batch_stats},
            batch.images,
            train=True,
            live_norms=norms,
            mask=batch.mask,
            mutable=["batch_stats"],
            rngs={"dropout": key},
        )
        assert isinstance(logits, jax.Array)
        return logits

    return forward


def shuffled(count: int, seed: int) -> Int[np.ndarray, "n"]:
    """The order in which a split was evaluated."""
    return np.random.default_rng(seed).permutation(count)


def f1_of_last_batch(
    labels: Int[np.ndarray, "n"], predicted: Int[np.ndarray, "n"], batch_size: int, seed: int
) -> float:
    """Macro-F1 of the last batch of the shuffled split, over whether the class is the first."""
    start = (len(labels) - 1) // batch_size * batch_size
    last = shuffled(len(labels), seed)[start:]
    true, found = (each[last] > 0.15 for each in (labels, predicted))
    return float(f1_score(true, found, average="macro"))
