"""What networks of finished runs said of images, each by itself and all together."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from jaxcovid.checksums import check_tables
from jaxcovid.csv_file import read_rows
from jaxcovid.errors import InputError, first_line
from jaxcovid.training.evaluation import Means, predictions_of
from jaxcovid.training.losses import Codes, Loss

# A probability that is written as 0 is below that.
LEAST = 5e-7


class Answers(NamedTuple):
    """The probability of each class for images, and where classes imply others of each output."""

    probabilities: Float[np.ndarray, "n class"]
    findings: Float[np.ndarray, "n output"] | None = None


def joint(answers: Sequence[Answers], codes: Codes | None = None) -> Answers:
    """What networks answer as one, as `models.Ensemble` does: the mean of their probabilities.

    With `codes` it is the mean of each output, of which the class follows.
    """
    if len(answers) == 1:
        return answers[0]
    findings = [one.findings for one in answers if one.findings is not None]
    if codes is None or not findings:
        return Answers(np.mean([one.probabilities for one in answers], 0))
    mean = np.mean(findings, 0)
    nothing_measured = Means(np.nan, np.nan)
    said = predictions_of(_outputs(Answers(mean, mean)), nothing_measured, codes)
    return Answers(said.probabilities, said.findings)


def mean_loss(answers: Answers, labels: Int[np.ndarray, "n"], loss: Loss) -> float:
    """The loss of images as training weighs them; NaN if one has no label."""
    if not len(labels) or labels.min() < 0:
        return np.nan
    outputs, mask = jnp.asarray(_outputs(answers)), jnp.ones(len(labels))
    values, weights = loss(outputs, jnp.asarray(labels), mask)
    return float(values.sum() / weights.sum())


def read_answers(run: Path, split: str, paths: Sequence[str], classes: Sequence[str]) -> Answers:
    """What a run's network said of these images of a split. Raises InputError if damaged."""
    path = run / "predictions.csv"
    try:
        check_tables(run)
        rows = {row["path"]: row for row in read_rows(path) if row["split"] == split}

        def columns(kind: str) -> Float[np.ndarray, "n column"]:
            return np.array(
                [[float(rows[name][f"{kind}_{one}"]) for one in classes] for name in paths],
                np.float32,
            ).reshape(len(paths), len(classes))

        coded = any(f"finding_{classes[0]}" in row for row in rows.values())
        return Answers(columns("prob"), columns("finding") if coded else None)
    except OSError as error:
        raise InputError([f"{path}: {error.strerror}"]) from None
    except (ValueError, KeyError) as error:
        raise InputError([f"{path} is damaged ({first_line(error)})"]) from None


def _outputs(answers: Answers) -> Float[np.ndarray, "n output"]:
    """What a network would have put out to say so, as far as written digits tell."""
    if answers.findings is None:
        return np.log(answers.probabilities.clip(LEAST))
    findings = answers.findings.clip(LEAST, 1 - LEAST)
    return np.log(findings) - np.log1p(-findings)
