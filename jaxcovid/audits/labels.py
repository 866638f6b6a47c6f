"""Labels that other images of the set speak against: confident learning on cross-validated answers.

Northcutt, Jiang and Chuang 2021, "Confident learning: estimating uncertainty in dataset labels", as
cleanlab does it. A doubt is a reason to look, not an error found; where a shortcut tells the
classes, wrong labels that agree with it are not seen.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from jaxcovid.data.dataset import Dataset

FOLDS = 5
# Inverse strength of the penalty, on features of unit variance.
PENALTY = 0.01
# The share of labels that a control flips, to see how many of them are found.
FLIPPED = 0.05

Features = Float[np.ndarray, "n feature"]


FITTED = (
    "the features were trained: of labels that they were trained on errors are hidden, and the "
    "trial flatters the list"
)


def labels(
    dataset: Dataset, features: Mapping[str, Features], seed: int = 0, fitted: bool = False
) -> dict[str, Any]:
    """The check of the labels of all images, as audit.json holds it; `features` are by split.

    It does not fail: what it lists is to be looked at. A control says how many of flipped labels
    such a list has, and how much of it they are. Features that are `fitted` were trained.
    """
    names = [name for name, split in dataset.splits.items() if (split.labels >= 0).any()]
    places = [(name, int(row)) for name in names for row in _labelled(dataset, name)]
    known = np.array([dataset.splits[name].labels[row] for name, row in places], np.int64)
    rows = np.concatenate([features[name][_labelled(dataset, name)] for name in names])
    groups = _patients(dataset, places)
    if reason := _too_few(known, groups, dataset.classes):
        return {"passed": None, "reason": reason, "found": []}
    classes, dense = np.unique(known, return_inverse=True)
    answers = answers_of_others(rows, dense, groups, seed)
    doubted = doubtful(dense, answers)
    return {
        "passed": True,
        "how": f"cross-validated by patient, {FOLDS} folds",
        **({"note": FITTED} if fitted else {}),
        "images": len(known),
        "accuracy": float((answers.argmax(1) == dense).mean()),
        "control": control(rows, dense, groups, seed),
        "found": [
            {
                "split": places[place][0],
                "path": dataset.splits[places[place][0]].paths[places[place][1]],
                "class": dataset.classes[known[place]],
                "likelier": dataset.classes[classes[answers[place].argmax()]],
                "probability_of_class": float(answers[place, dense[place]]),
                "probability_of_likelier": float(answers[place].max()),
            }
            for place in doubted
        ],
    }


def answers_of_others(
    features: Features, labels: Int[np.ndarray, "n"], groups: Int[np.ndarray, "n"], seed: int
) -> Float[np.ndarray, "n class"]:
    """Probabilities of each image's classes by a linear classifier of other patients' images.

    All `labels` from 0 on must occur.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    answers = np.zeros((len(labels), labels.max() + 1), np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of classes with few images for the folds
        parts = list(splitter.split(features, labels, groups))
    for others, part in parts:
        classifier = make_pipeline(
            StandardScaler(), LogisticRegression(C=PENALTY, max_iter=1000, random_state=seed)
        ).fit(features[others], labels[others])
        answers[np.ix_(part, classifier.classes_)] = classifier.predict_proba(features[part])
    return answers


def doubtful(
    labels: Int[np.ndarray, "n"], answers: Float[np.ndarray, "n class"]
) -> Int[np.ndarray, "_"]:
    """Places of images whose label is doubtful, the most doubtful first."""
    from cleanlab.filter import find_label_issues

    return np.asarray(
        find_label_issues(labels, answers, n_jobs=1, return_indices_ranked_by="self_confidence"),
        np.int64,
    )


def control(
    features: Features, labels: Int[np.ndarray, "n"], groups: Int[np.ndarray, "n"], seed: int
) -> dict[str, Any]:
    """How many of some flipped labels are found, and how much of what is then doubted they are."""
    generator = np.random.default_rng(seed)
    flipped = generator.permutation(len(labels))[: max(1, round(FLIPPED * len(labels)))]
    wrong, count = labels.copy(), labels.max() + 1
    wrong[flipped] = (wrong[flipped] + generator.integers(1, count, len(flipped))) % count
    doubted = doubtful(wrong, answers_of_others(features, wrong, groups, seed))
    among = np.isin(doubted, flipped).sum()
    return {
        "flipped": len(flipped),
        "doubted": len(doubted),
        "recall": float(among / len(flipped)),
        "precision": float(among / len(doubted)) if len(doubted) else None,
    }


def _labelled(dataset: Dataset, name: str) -> Int[np.ndarray, "_"]:
    return np.flatnonzero(dataset.splits[name].labels >= 0)


def _patients(dataset: Dataset, places: Sequence[tuple[str, int]]) -> Int[np.ndarray, "n"]:
    """A number for each image's patient, over all splits; images of unknown ones are alone."""
    names = []
    for number, (split, row) in enumerate(places):
        of_split = dataset.patient_names.get(split)
        name = None if of_split is None else of_split[row]
        names.append(name or f"\0{number}")
    return np.unique(names, return_inverse=True)[1]


def _too_few(
    labels: Int[np.ndarray, "n"], groups: Int[np.ndarray, "n"], classes: Sequence[str]
) -> str:
    """Why labels cannot be checked; empty if they can."""
    present = np.unique(labels)
    if len(present) < 2:
        return "all images are of one class"
    for label in present:
        people = len(np.unique(groups[labels == label]))
        if people < FOLDS:
            return (
                f"only {people} patient(s) or image(s) of class {classes[label]!r}, and {FOLDS} "
                "tell what others say of each"
            )
    return ""
