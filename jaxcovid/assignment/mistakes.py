"""What the assignment's original did wrong, each as an option: its figures can be explained by it.

None of it belongs into a real run: what is made with them says so in every result.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from jaxcovid import parallel
from jaxcovid.assignment.curves import loss_over_images, micro_precision, subset_accuracy
from jaxcovid.assignment.settings import AssignmentSettings, Mistake
from jaxcovid.assignment.train_mode import in_train_mode, shuffled
from jaxcovid.config import Config, as_json
from jaxcovid.data.dataset import Split
from jaxcovid.training.evaluation import Predictions
from jaxcovid.training.losses import Codes, Labels, Logits, Loss, Number, Values, elements
from jaxcovid.training.parts import FurtherMetrics, LossFactory, Parts
from jaxcovid.training.recipe import class_weighted, loss_function
from jaxcovid.training.step import Correct

# What the original printed before the evaluation whose sum of F1 it did not reset.
CARRIED = 0.64744

MISTAKES: Mapping[Mistake, str] = MappingProxyType(
    {
        "train_mode_evaluation": (
            "evaluation in train mode (.eval() was never called): batch norm takes the statistics "
            "of each evaluation batch of a shuffled split, and dropout stays on, drawn anew for "
            "every pass and batch"
        ),
        "moved_statistics": (
            "each epoch's validation in train mode moves the running statistics of batch norm, "
            "which are then saved"
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
        "summed_batch_f1": (
            "F1 is the sum over the batches of the micro-F1 of class numbers against whether the "
            "answer's is above 0.15, divided by the number of the last batch, counted from 0; no "
            "image of the third class can be right"
        ),
        "f1_not_reset": (
            f"the sum of F1 over the batches begins at {CARRIED}, the result before it, not at 0"
        ),
        "loss_over_images": (
            "the losses of the curves are sums of the batches' means divided by the number of "
            "images, so the larger the batches, the smaller"
        ),
        "subset_accuracy": (
            "the accuracy of the curves counts an image where each of its outputs is above 0.5 or "
            "not as its code says"
        ),
        "micro_precision": (
            "the accuracy of the curves is the precision of all outputs above 0.5 of a batch"
        ),
        "names_unshuffled": (
            "answers to unlabelled images stand beside names in the folder's order, but were given "
            "in a shuffled one"
        ),
    }
)


# Mistakes that make another loss of the run's.
OF_LOSS = frozenset(("covid_and_normal", "batch_mean_focal", "sigmoid_twice"))


def parts(assignment: AssignmentSettings) -> Parts:
    """The parts of a run that makes the mistakes asked for, and ordinary ones for the rest.

    Whether they can be made with the run's settings is for `settings.problems` to say.
    """
    made = assignment.habits
    evaluation = None
    if "train_mode_evaluation" in made:
        evaluation = in_train_mode(moving="moved_statistics" in made)
    return Parts(
        loss=mistaken_loss(made) if OF_LOSS.intersection(made) else loss_function,
        answer_by_codes="covid_and_normal" not in made,
        correct=_correct(made),
        curve=loss_over_images if "loss_over_images" in made else None,
        evaluation=evaluation,
        answers=shuffled_answers if "names_unshuffled" in made else None,
        metrics=_metrics(made),
        warnings=warnings(made),
        settings=as_json(assignment),
    )


def warnings(made: Sequence[Mistake]) -> tuple[str, ...]:
    """A line for each mistake."""
    return tuple(f"wrong on purpose, as the original was: {MISTAKES[mistake]}" for mistake in made)


def mistaken_loss(made: Sequence[Mistake]) -> LossFactory:
    """The run's own loss, with those of the mistakes that are about the loss."""

    def factory(
        config: Config,
        codes: Codes,
        train_labels: Int[np.ndarray | Array, "n"],
        axis_name: str | None,
    ) -> Loss:
        if "covid_and_normal" in made:
            codes = swapped_codes(codes)
        if "batch_mean_focal" in made:
            loss = batch_mean_focal(codes, config.focal_alpha[0], config.focal_gamma, axis_name)
            loss = class_weighted(config, loss, train_labels, len(codes))
        else:
            loss = loss_function(config, codes, train_labels, axis_name)
        return on_probabilities(loss) if "sigmoid_twice" in made else loss

    return factory


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
    """Alpha (1 - exp(-m))^gamma m for all examples; m is the mean cross-entropy of the batch.

    With `axis_name` the batch is spread over the devices of that axis, and m is the mean of all.
    """

    def loss(logits: Logits, labels: Labels, mask: Values) -> tuple[Values, Values]:
        entropies = elements(logits, labels, codes).mean(-1)
        sums = parallel.sum_over_devices(((entropies * mask).sum(), mask.sum()), axis_name)
        mean = sums[0] / sums[1]
        value = alpha * (1 - jnp.exp(-mean)) ** gamma * mean
        return jnp.broadcast_to(value, entropies.shape), jnp.ones_like(entropies)

    return loss


def shuffled_answers(config: Config, split: Split, answers: Predictions) -> Predictions:
    """The answers to an unlabelled split in the order in which they were given; others unchanged.

    Names of images stay where they are.
    """
    if (split.labels >= 0).all():
        return answers
    order, findings = shuffled(len(split.labels), config.seed), answers.findings
    return answers._replace(
        probabilities=answers.probabilities[order],
        findings=None if findings is None else findings[order],
    )


def _correct(made: Sequence[Mistake]) -> Callable[[Codes, str | None], Correct] | None:
    if not {"subset_accuracy", "micro_precision"}.intersection(made):
        return None

    def correct(codes: Codes, axis_name: str | None) -> Correct:
        codes = swapped_codes(codes) if "covid_and_normal" in made else codes
        if "micro_precision" in made:
            return micro_precision(codes, axis_name)
        return subset_accuracy(codes)

    return correct


def _metrics(made: Sequence[Mistake]) -> FurtherMetrics | None:
    if "last_batch_f1" in made:
        return functools.partial(metrics_as_written, "f1_of_last_batch", f1_of_last_batch)
    if "summed_batch_f1" in made:
        begin = CARRIED if "f1_not_reset" in made else 0.0
        summed = functools.partial(f1_over_batches, begin=begin)
        return functools.partial(metrics_as_written, "f1_over_batches", summed)
    return None


def metrics_as_written(
    name: str,
    f1: Callable[..., float | None],
    config: Config,
    labels: Int[np.ndarray, "n"],
    predicted: Int[np.ndarray, "n"],
    measured: Mapping[str, Any],
) -> tuple[dict[str, float], tuple[str, ...]]:
    """The original's F1 of a split for metrics.json, and a sentence that sets it beside the true.

    `f1` is one of the functions below, `name` that of its figure; `measured` are the metrics of the
    split, of which it takes `macro_f1`.
    """
    value = f1(labels, predicted, config.eval_batch_size, config.seed)
    if value is None:
        return {}, ("F1 as the original computes it is undefined: the images are a single batch",)
    macro = "undefined" if measured["macro_f1"] is None else f"{measured['macro_f1']:.4f}"
    sentence = (
        f"F1 as the original computes it is {value:.4f}; the macro-F1 of all images is {macro}"
    )
    return {name: value}, (sentence,)


def f1_of_last_batch(
    labels: Int[np.ndarray, "n"], predicted: Int[np.ndarray, "n"], batch_size: int, seed: int
) -> float:
    """Macro-F1 of the last batch of the shuffled split, over whether the class is the first."""
    from sklearn.metrics import f1_score  # takes long to import, and runs seldom ask for it

    start = (len(labels) - 1) // batch_size * batch_size
    last = shuffled(len(labels), seed)[start:]
    is_other, predicted_other = (numbers[last] > 0.15 for numbers in (labels, predicted))
    return float(f1_score(is_other, predicted_other, average="macro"))


def f1_over_batches(
    labels: Int[np.ndarray, "n"],
    predicted: Int[np.ndarray, "n"],
    batch_size: int,
    seed: int,
    begin: float = 0.0,
) -> float | None:
    """Micro-F1 of class numbers against "above 0.15", summed over batches of the shuffled split.

    The sum begins at `begin` and is divided by the number of batches less one; None if there is a
    single one. Micro-F1 of one answer an image is the share of right ones.
    """
    order = shuffled(len(labels), seed)
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    if len(batches) < 2:
        return None
    shares = [np.mean(labels[batch] == (predicted[batch] > 0.15)) for batch in batches]
    return float((begin + sum(shares)) / (len(batches) - 1))
