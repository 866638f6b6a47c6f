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
from jaxcovid.sweeps.metric import WORDS, Metric, merit
from jaxcovid.training.step import Scores

# What is measured of a member on a split; its validation loss is in its history.
FIGURES = tuple(name for name in WORDS if name != "loss")


class Outcome(NamedTuple):
    """What became of the member at `place`; it has `FIGURES` (0 to 1) by split, None if undefined.

    `diverged` is the epoch in which its numbers became infinite or NaN, 0 if none; then there are
    no figures. `answers` are the classes that it answers on the validation images; None if it
    diverged, and of members that were trained before this was recorded. `measured_epoch` is the
    number of the epoch that all this is of, None where that is the last.
    """

    place: int
    diverged: int
    history: tuple[Epoch, ...]
    figures: Mapping[str, Mapping[str, float | None]]
    answers: tuple[str, ...] | None = None
    measured_epoch: int | None = None

    @property
    def measured(self) -> Epoch:
        """The epoch after which it was measured: in earlier versions the last."""
        number = self.measured_epoch
        return self.history[-1 if number is None else number - 1]

    @property
    def only_answer(self) -> str:
        """The class that it answers for every validation image; "" if there is none such."""
        return self.answers[0] if self.answers is not None and len(self.answers) == 1 else ""

    def validation(self, metric: Metric) -> float | None:
        """That figure of the validation images as it was measured; None if there is none."""
        if self.diverged:
            return None
        if metric == "loss":
            return self.measured.validation_loss
        return self.figures.get("validation", {}).get(metric)

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
        answers = record.get("answers")
        return cls(
            record["place"],
            record["diverged"],
            history,
            record["figures"],
            None if answers is None else tuple(answers),
            record.get("measured_epoch"),
        )


def best_outcome(outcomes: Sequence[Outcome], metric: Metric) -> Outcome | None:
    """The member that is best by that figure of the validation images; None if all diverged.

    One that answers a single class only if all do. Of equal ones that of the lowest validation
    loss, of those the first.
    """
    whole = [outcome for outcome in outcomes if not outcome.diverged]

    def rank(outcome: Outcome) -> tuple[bool, float, float, int]:
        value = outcome.validation(metric)
        below = math.inf if value is None else -merit(metric, value)
        loss = outcome.measured.validation_loss
        return bool(outcome.only_answer), below, loss, outcome.place

    return min(whole, key=rank, default=None)


def member_probabilities(
    logits: Float[np.ndarray, "n class"], scores: Scores
) -> Float[np.ndarray, "n class"]:
    """A member's probabilities; `scores` turns outputs into what is compared between classes."""
    return np.asarray(jax.nn.softmax(scores(jnp.asarray(logits)), axis=-1))


def member_figures(
    probabilities: Float[np.ndarray, "n class"],
    labels: Int[np.ndarray, "n"],
    classes: Sequence[str],
) -> dict[str, float | None]:
    """`FIGURES` (0 to 1) of a member on a split; None where undefined.

    `labels` are places in `classes`.
    """
    metrics = weighted_metrics(labels, probabilities, classes, {})(np.ones((1, len(labels))))
    values = {name: float(metrics[name,][0]) for name in FIGURES}
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def answered(
    probabilities: Float[np.ndarray, "n class"], classes: Sequence[str]
) -> tuple[str, ...]:
    """The classes that are the likeliest of any image."""
    return tuple(str(classes[place]) for place in np.unique(probabilities.argmax(1)))


def _json_number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)
