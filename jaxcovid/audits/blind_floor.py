"""The blind floor: how far a plain classifier gets without the lungs, on the network's images.

A network whose figure is hardly above it may not have learned the disease (DeGrave et al., Nature
Machine Intelligence 2021; Maguolo and Nanni, Information Fusion 2021).
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxcovid.audits import views
from jaxcovid.data.dataset import Dataset
from jaxcovid.results import FLOORS, ORDER, OUT_OF_FOLD
from jaxcovid.statistics.bootstrap import SAME
from jaxcovid.statistics.comparison import compare
from jaxcovid.statistics.metrics import measure

FIGURES = ("auroc", "balanced_accuracy")
# Those that see no lungs; of them the strongest is the floor. Thumbnails have coarse lungs in them,
# and lungs make part of the brightness.
WITHOUT_LUNGS = ("headers", "border", "features_without_centre")
# A floor counts as a shortcut if its AUROC is at least this, and its interval above one half.
NOTABLE = 0.6
FOLDS = 5
TREES = 100
# A tree is grown from so many images at most, which bounds the time.
OF_TREE = 2000

Probabilities = Float[np.ndarray, "n class"]


class Trial(NamedTuple):
    """Which images a floor is measured on and where it learned: `train`, or by cross-validation.

    Without `train` each fold is measured by what learned from the others. `groups` has equal
    numbers for images of one patient, None if no patient is known.
    """

    train: str | None
    measured: str
    groups: Int[np.ndarray, "n"] | None

    @property
    def how(self) -> str:
        """The same in words."""
        if self.train is None:
            return f"cross-validated by patient, {FOLDS} folds"
        return f"fitted on {self.train}, measured on {self.measured}"


def trial_of(dataset: Dataset) -> Trial:
    """On which images floors are measured: those that played the least part in training.

    They learn from the training images, or by cross-validation where there is no other split.
    """
    labelled = [
        name
        for name in (OUT_OF_FOLD, *ORDER, *dataset.splits)
        if name in dataset.splits
        and (split := dataset.splits[name].labels).size
        and split.min() >= 0
    ]
    measured = labelled[0]
    train = "train" if "train" in labelled and measured != "train" else None
    return Trial(train, measured, dataset.patients.get(measured))


def floor_predictions(
    dataset: Dataset,
    names: Sequence[str],
    features: Mapping[str, views.View] | None = None,
    seed: int = 0,
) -> dict[str, Probabilities]:
    """What classifiers without lungs say of the measured images, by the names of `FLOORS`.

    Floors that cannot be made are left out. `features` are those of a network for images whose
    centre is blanked, by split.
    """
    trial, predictions = trial_of(dataset), {}
    if _unmeasurable(dataset, trial):
        return {}
    for name in names:
        by_split = _views(dataset, name, trial, features)
        if by_split is not None:
            predictions[name] = _learned(dataset, trial, name, by_split, seed)
    return predictions


def blind_floor(
    dataset: Dataset,
    predictions: Mapping[str, Probabilities],
    network: Probabilities | None,
    not_run: str,
    folds: Int[np.ndarray, "n"] | None = None,
) -> dict[str, Any]:
    """The check for floors above chance, as audit.json holds it.

    `predictions` are those of `floor_predictions`, `network` what a network says of the same
    images, or several in `folds` of them. `not_run` says why floors are missing that could have
    been made. It fails if something that sees no lungs tells the classes: then a shortcut exists,
    which is not to say that the network takes it.
    """
    trial = trial_of(dataset)
    labels, classes = dataset.splits[trial.measured].labels, dataset.classes
    if reason := _unmeasurable(dataset, trial):
        missing = {name: _missing(reason) for name in FLOORS}
        return {"passed": None, "reason": reason, "found": [], **missing}
    floors = {
        name: figures_of(labels, predictions[name], classes, trial.groups, folds)
        if name in predictions
        else _missing(_reason(dataset, name, not_run))
        for name in FLOORS
    }
    blind = [name for name in WITHOUT_LUNGS if name in predictions]
    shortcuts = [name for name in blind if is_shortcut(floors[name]["auroc"])]
    strongest = max(blind, key=lambda name: floors[name]["auroc"]["value"], default=None)
    unjudged = _unjudged([floors[name]["auroc"] for name in blind], not_run)
    result = {
        "passed": None if unjudged else not shortcuts,
        **({"reason": unjudged} if unjudged else {}),
        "split": trial.measured,
        "how": trial.how,
        "strongest": strongest,
        "found": [{"floor": name, "in_words": FLOORS[name], **floors[name]} for name in shortcuts],
        **floors,
    }
    if network is not None and strongest is not None:
        result["network"] = figures_of(labels, network, classes, trial.groups, folds)
        result["lead"] = _lead(
            labels, predictions[strongest], network, classes, trial.groups, folds
        )
    return result


def figures_of(
    labels: Int[np.ndarray, "n"],
    probabilities: Probabilities,
    classes: Sequence[str],
    groups: Int[np.ndarray, "n"] | None,
    folds: Int[np.ndarray, "n"] | None = None,
) -> dict[str, Any]:
    """`FIGURES` with their intervals over patients, and the AUROC of each class that occurs."""
    metrics = measure(labels, probabilities, classes, groups=groups, folds=folds)
    by_class = {
        name: figure("auroc", metrics, "per_class", name)
        for name, values in metrics["per_class"].items()
        if values["support"]
    }
    return {**{name: figure(name, metrics) for name in FIGURES}, "auroc_of": by_class}


def figure(name: str, metrics: Mapping[str, Any], *place: str) -> dict[str, Any]:
    """A metric with its interval, or why there is none; `place` is where it lies."""
    values, intervals = metrics, metrics["intervals"]
    for part in place:
        values, intervals = values[part], intervals[part]
    low, high = intervals[name] or (None, None)
    figure = {"value": values[name], "low": low, "high": high}
    if low is None:
        key = ".".join((*place, name))
        key = f"intervals.{key}" if values[name] is not None else key
        figure["reason"] = metrics["undefined"][key]
    return figure


def is_shortcut(auroc: Mapping[str, Any]) -> bool:
    """Whether an AUROC without lungs is notable, and above chance by its interval."""
    return auroc["value"] >= NOTABLE and auroc["low"] is not None and auroc["low"] > 0.5


def _unmeasurable(dataset: Dataset, trial: Trial) -> str:
    """Why no floor can be measured at all; empty if some can."""
    labels = dataset.splits[trial.measured].labels
    if len(np.unique(labels)) < 2:
        return f"all {trial.measured} images are of one class"
    if trial.train is None and trial.groups is not None and len(np.unique(trial.groups)) < 2:
        return "all images are of one patient, so there is nothing to learn from"
    if trial.train is None and np.bincount(labels).max() < 2:
        return "no class has two images, so there is nothing to learn from"
    return ""


def _unjudged(aurocs: Sequence[Mapping[str, Any]], not_run: str) -> str:
    """Why it cannot be said whether a floor is above chance; empty if it can of one of them.

    What gives the same in every resample, such as one size of all images, tells nothing apart.
    """
    reasons = [
        auroc["reason"]
        for auroc in aurocs
        if auroc["low"] is None and not (auroc["value"] == 0.5 and auroc["reason"] == SAME)
    ]
    if not aurocs:
        return not_run
    return reasons[0] if len(reasons) == len(aurocs) else ""


def _learned(
    dataset: Dataset, trial: Trial, name: str, by_split: Mapping[str, views.View], seed: int
) -> Probabilities:
    """What a classifier says of the measured images that learned from others."""
    count, classifier = len(dataset.classes), _probe if "features" in name else _forest
    of_measured, labels = by_split[trial.measured], dataset.splits[trial.measured].labels

    def shuffled(known: Int[np.ndarray, "m"]) -> Int[np.ndarray, "m"]:
        return np.random.default_rng(seed).permutation(known) if name == "shuffled" else known

    if trial.train is not None:
        known = shuffled(dataset.splits[trial.train].labels)
        return classifier(by_split[trial.train], known, of_measured, count, seed)
    from sklearn.model_selection import StratifiedGroupKFold

    groups = np.arange(len(labels)) if trial.groups is None else trial.groups
    result = np.full((len(labels), count), 1 / count, np.float32)
    folds = min(FOLDS, len(np.unique(groups)), int(np.bincount(labels).max()))
    learned_from = shuffled(labels)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Of classes with fewer images than folds, which the intervals speak of.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        parts = list(splitter.split(of_measured, labels, groups))
    for learn, test in parts:
        result[test] = classifier(
            of_measured[learn], learned_from[learn], of_measured[test], count, seed
        )
    return result


def _forest(
    known: views.View, labels: Int[np.ndarray, "m"], asked: views.View, count: int, seed: int
) -> Probabilities:
    """A random forest, every class of the same weight."""
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        TREES, min_samples_leaf=3, class_weight="balanced", random_state=seed,
        max_samples=OF_TREE if len(labels) > OF_TREE else None,
        n_jobs=-1 if len(labels) > OF_TREE else None,  # processors would wait for each other
    )  # fmt: skip
    forest.fit(known, labels)
    return _of_all_classes(np.asarray(forest.predict_proba(asked)), forest.classes_, count)


def _probe(
    known: views.View, labels: Int[np.ndarray, "m"], asked: views.View, count: int, seed: int
) -> Probabilities:
    """A linear probe of a network's features, every class of the same weight."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if len(np.unique(labels)) < 2:
        return _of_all_classes(np.ones((len(asked), 1)), labels[:1], count)
    regression = LogisticRegression(
        C=0.01, max_iter=2000, class_weight="balanced", random_state=seed
    )
    probe = make_pipeline(StandardScaler(), regression).fit(known, labels)
    return _of_all_classes(probe.predict_proba(asked), regression.classes_, count)


def _of_all_classes(
    probabilities: Float[np.ndarray, "n known"], known: Any, count: int
) -> Probabilities:
    """With zeros for classes of which nothing was learned."""
    result = np.zeros((len(probabilities), count), np.float32)
    result[:, known] = probabilities
    return result


def _views(
    dataset: Dataset, name: str, trial: Trial, features: Mapping[str, views.View] | None
) -> dict[str, views.View] | None:
    """What the classifier of that name is given, by split; None if that is not to be had."""
    splits = {
        split: dataset.splits[split] for split in (trial.train, trial.measured) if split is not None
    }
    if name == "headers":
        if not all(split.headers for split in splits.values()):
            return None
        kinds = sorted({views.kind_of(header) for split in splits.values()
                        for header in split.headers})  # fmt: skip
        return {key: views.header_view(split.headers, kinds) for key, split in splits.items()}
    if name == "features_without_centre":
        return None if features is None else {key: features[key] for key in splits}
    view = {
        "border": views.border_view,
        "thumbnail": views.thumbnail_view,
        "brightness": views.brightness_view,
        "shuffled": views.thumbnail_view,
    }[name]
    return {key: view(split) for key, split in splits.items()}


def _reason(dataset: Dataset, name: str, not_run: str) -> str:
    if name == "headers" and not any(split.headers for split in dataset.splits.values()):
        return "the images come from no files"
    return not_run


def _missing(reason: str) -> dict[str, Any]:
    return {**dict.fromkeys(FIGURES), "reason": reason}


def _lead(
    labels: Int[np.ndarray, "n"],
    floor: Probabilities,
    network: Probabilities,
    classes: Sequence[str],
    groups: Int[np.ndarray, "n"] | None,
    folds: Int[np.ndarray, "n"] | None = None,
) -> dict[str, Any]:
    """How far the network is above the floor, paired by patient."""
    compared = compare(labels, floor, network, classes, groups=groups, folds=folds)
    lead = {}
    for name in FIGURES:
        row = compared["differences"][name]
        low, high = row["interval"] or (None, None)
        lead[name] = {"value": row["difference"], "low": low, "high": high}
        if low is None:
            key = "interval" if row["difference"] is not None else "difference"
            lead[name]["reason"] = compared["undefined"][f"differences.{name}.{key}"]
    return lead
