"""What became of each member of a sweep, and which is the best."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from jaxcovid.results import Epoch
from jaxcovid.statistics.weighted_metrics import weighted_metrics
from jaxcovid.training.step import Scores

# What is measured of a member, each with its words.
FIGURES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "auroc": "AUROC",
}


class Outcome(NamedTuple):
    """What became of the member at `place`; it has `FIGURES` (0 to 1) by split, None if undefined.

    `diverged` is the epoch in which its numbers became infinite or NaN, 0 if none; then there are
    no figures.
    """

    place: int
    diverged: int
    history: tuple[Epoch, ...]
    figures: Mapping[str, Mapping[str, float | None]]

    def as_json(self) -> dict[str, Any]:
        """The outcome in JSON's types; numbers that are not finite as text."""
        history = [[_json_number(value) for value in epoch] for epoch in self.history]
        return {**self._asdict(), "history": history}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Outcome":
        """Undoes `as_json`. Raises KeyError, TypeError or ValueError at anything else."""
        history = tuple(
            Epoch(*(cast(Any, float(value) if isinstance(value, str) else value) for value in row))
            for row in record["history"]
        )
        return cls(record["place"], record["diverged"], history, record["figures"])


def best_outcome(outcomes: Sequence[Outcome]) -> Outcome | None:
    """The member of the highest validation accuracy after its last epoch; None if all diverged.

    Of equal ones that of the lowest validation loss, of those the first.
    """
    whole = [outcome for outcome in outcomes if not outcome.diverged]

    def rank(outcome: Outcome) -> tuple[float, float, int]:
        last = outcome.history[-1]
        return -last.validation_accuracy, last.validation_loss, outcome.place

    return min(whole, key=rank, default=None)


def member_figures(
    logits: Float[np.ndarray, "n class"],
    labels: Int[np.ndarray, "n"],
    classes: Sequence[str],
    scores: Scores,
) -> dict[str, float | None]:
    """`FIGURES` (0 to 1) of a member on a split; None where undefined.

    `labels` are places in `classes`; `scores` turns outputs into what is compared between classes.
    """
    probabilities = np.asarray(jax.nn.softmax(scores(jnp.asarray(logits)), axis=-1))
    metrics = weighted_metrics(labels, probabilities, classes, {})(np.ones((1, len(labels))))
    values = {name: float(metrics[name,][0]) for name in FIGURES}
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def _json_number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)
