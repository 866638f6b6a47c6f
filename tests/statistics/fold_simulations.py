"""How often intervals of out-of-fold figures hold the truth: made-up patients, linear networks."""

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from jaxcovid.data.folds import drawn_folds
from jaxcovid.statistics.metrics import measure

# Patients, how far the classes are apart, and the share of the second: each with 1 to 4 images.
POPULATIONS = {
    "60 patients": (60, 1.0, 0.5),
    "120 patients, a rarer class": (120, 1.0, 0.2),
    "200 patients": (200, 1.0, 0.3),
    "120 patients, nearly all found": (120, 2.0, 0.2),
}
METRICS = ("accuracy", "balanced_accuracy", "auroc")
FOLDS = 5


def covered(population, samples):
    """The share of samples whose intervals hold what the folds' networks reach on average."""
    held = {metric: [] for metric in METRICS}
    others = _images(np.random.default_rng(10**6), 4000, *population[1:])
    for seed in range(samples):
        intervals, truth = _sample(np.random.default_rng(seed), population, others, seed)
        for metric in METRICS:
            low, high = intervals[metric]
            held[metric].append(low <= truth[metric] <= high)
    return {metric: float(np.mean(of_metric)) for metric, of_metric in held.items()}


def _sample(rng, population, others, seed):
    inputs, labels, patients = _images(rng, *population)
    probabilities = np.zeros((len(labels), 2), np.float32)
    fold_of, truth = np.zeros(len(labels), int), {metric: [] for metric in METRICS}
    folds = drawn_folds([*map(str, labels)], [f"p{n}" for n in patients], FOLDS, seed)
    for number, fold in enumerate(folds):
        network = LinearDiscriminantAnalysis().fit(inputs[fold.train], labels[fold.train])
        probabilities[fold.test] = network.predict_proba(inputs[fold.test])
        fold_of[fold.test] = number
        said = network.predict_proba(others[0])
        truth["accuracy"].append(np.mean(said.argmax(1) == others[1]))
        truth["balanced_accuracy"].append(balanced_accuracy_score(others[1], said.argmax(1)))
        truth["auroc"].append(roc_auc_score(others[1], said[:, 1]))
    measured = measure(
        labels, probabilities, ("a", "b"), groups=patients, folds=fold_of, resamples=200
    )
    return measured["intervals"], {name: np.mean(values) for name, values in truth.items()}


def _images(rng, patients, apart, share):
    ill = (np.arange(patients) < share * patients).astype(int)
    of = np.repeat(np.arange(patients), rng.integers(1, 5, patients))
    centers = apart * ill[of][:, None] * np.array([1, 0.5, 0, 0, 0])
    noise = rng.normal(size=(patients, 5))[of] + rng.normal(size=(len(of), 5))
    return centers + 0.7 * noise, ill[of], of
