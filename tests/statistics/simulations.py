"""Samples of known populations, to see how often intervals hold the truth.

`python -m tests.statistics.simulations 500` prints what README and `statistics/intervals.py` say.
"""

import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from jaxcovid.statistics.metrics import measure
from tests.statistics.predictions import certain, softmax

METRICS = ("accuracy", "balanced_accuracy", "auroc", "macro_f1")


class Population(NamedTuple):
    """How a sample is drawn, labels, probabilities and patients, and its true values."""

    draw: Callable
    truth: dict
    classes: str = "ab"


def scored(labels, gap, noise):
    """Probabilities of scores that are so far apart and vary as the noise does."""
    scores = gap * (labels - 0.5) + noise
    return softmax(np.stack([0 * scores, scores], 1))


def two_classes(gap, **more):
    right = stats.norm.cdf(gap / 2)
    return {
        "accuracy": right, "balanced_accuracy": right, "auroc": stats.norm.cdf(gap / 2**0.5), **more
    }  # fmt: skip


def balanced(images):
    def draw(rng):
        labels = rng.integers(0, 2, images)
        return labels, scored(labels, 1.6, rng.normal(size=images)), None

    truth = two_classes(1.6)
    return Population(draw, truth | {"macro_f1": truth["accuracy"]})


def patients(count, most, rare=None, alike=0.9, gap=1.6):
    """1 to `most` images of each patient, whose noise correlates; `rare` of the patients are ill."""

    def draw(rng):
        groups = np.repeat(np.arange(count), rng.integers(1, most + 1, count))
        ill = rng.integers(0, 2, count) if rare is None else np.arange(count) >= count - rare
        labels = ill.astype(int)[groups]
        own = np.sqrt(1 - alike**2) * rng.normal(size=len(groups))
        noise = alike * rng.normal(size=count)[groups] + own
        return labels, scored(labels, gap, noise), groups

    return Population(draw, two_classes(gap))


def one_rare(rare, images=160):
    labels = np.arange(images) // (images - rare)

    def draw(rng):
        return labels, scored(labels, 2, rng.normal(size=images)), None

    return Population(draw, two_classes(2))


def confused(counts, rows):
    """Answers with these probabilities, a row for each true class."""
    rows, labels = np.array(rows), np.repeat([0, 1, 2], counts)
    expected = rows * np.array(counts)[:, None]
    hits = np.diag(expected)

    def draw(rng):
        answers = (rng.random((len(labels), 1)) > np.cumsum(rows[labels], 1)).sum(1)
        return labels, certain(np.minimum(answers, 2)), None

    truth = {
        "accuracy": hits.sum() / len(labels),
        "balanced_accuracy": np.diag(rows).mean(),
        "macro_f1": (2 * hits / (expected.sum(0) + expected.sum(1))).mean(),
    }
    return Population(draw, truth, "abc")


POPULATIONS = {
    "90 images of two classes": balanced(90),
    "40 patients, 1 to 4 images": patients(40, 4),
    "5 of 160 images are ill": one_rare(5),
    "8 of 160": one_rare(8),
    "17 of 160": one_rare(17),
    "53 of 160": one_rare(53),
    "5 of 60 patients, 1 to 7 images": patients(60, 7, 5, 0.8, 2),
    "8 of 60 patients": patients(60, 7, 8, 0.8, 2),
    "17 of 60 patients": patients(60, 7, 17, 0.8, 2),
    "28 of 628 are hardly ever found": confused(
        (28, 400, 200), [[0.02, 0.75, 0.23], [0.001, 0.994, 0.005], [0.001, 0.094, 0.905]]
    ),
    "17 of 160 are hardly ever found": confused(
        (17, 53, 90), [[0.01, 0.59, 0.4], [0.02, 0.8, 0.18], [0.02, 0.2, 0.78]]
    ),
    "17 of 160, half are found": confused(
        (17, 53, 90), [[0.5, 0.3, 0.2], [0.02, 0.8, 0.18], [0.02, 0.2, 0.78]]
    ),
    "17 of 160, nine in ten": confused(
        (17, 53, 90), [[0.9, 0.05, 0.05], [0.02, 0.95, 0.03], [0.02, 0.08, 0.9]]
    ),
    "17 of 160, nearly all": confused(
        (17, 53, 90), [[0.98, 0.01, 0.01], [0.005, 0.99, 0.005], [0.005, 0.005, 0.99]]
    ),
}  # fmt: skip


def covered(population, sets, resamples=60, as_if_independent=False):
    """By metric, in what share of so many samples the interval holds the truth, and its width."""
    rng, held = np.random.default_rng(3), {metric: [] for metric in population.truth}
    for seed in range(sets):
        labels, probabilities, groups = population.draw(rng)
        got = measure(
            labels, probabilities, population.classes,
            groups=None if as_if_independent else groups, seed=seed, resamples=resamples,
        )  # fmt: skip
        for metric, value in population.truth.items():
            low, high = got["intervals"][metric] or (np.nan, np.nan)
            held[metric].append((low <= value <= high, high - low))
    return {metric: tuple(np.mean(rows, 0)) for metric, rows in held.items()}


if __name__ == "__main__":
    print(f"{'':34}" + "".join(f"{metric:>22}" for metric in METRICS))
    for name, population in POPULATIONS.items():
        figures = covered(population, int(sys.argv[1]), 200)
        cells = [
            f"{figures[metric][0]:.3f} ({figures[metric][1]:.3f})" if metric in figures else ""
            for metric in METRICS
        ]
        print(f"{name:34}" + "".join(f"{cell:>22}" for cell in cells), flush=True)
