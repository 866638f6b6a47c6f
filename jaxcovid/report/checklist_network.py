"""Answers to a checklist about the network: what it is, how it was trained and chosen."""

from collections.abc import Mapping
from typing import Any

from jaxcovid.config import TrainingSettings, from_json
from jaxcovid.data.augment import RATIO
from jaxcovid.data.augmentations import augmentation_of
from jaxcovid.data.preparation import CROP
from jaxcovid.inference.network_folders import folds_in
from jaxcovid.report import epoch_words, words
from jaxcovid.report.checklist_facts import Answer, is_evaluation, of_training
from jaxcovid.report.words import sentence
from jaxcovid.results import Results

# How a sweep's warning begins that a run is its best member.
CHOSEN = "this run is the best of"


def kind(results: Results) -> Answer | None:
    """Which network, what of it was trained, from where."""
    record = of_training(results)
    if "model" not in record:
        return None
    text = f"Deep learning, the convolutional network {record['model']}"
    if "weights_source" in record:
        text += f", starting from {record['weights_source']}"
    if "trainable" in record:
        text += f"; trained: {record['trainable']}"
    return Answer(f"{text}.")


def task(results: Results) -> Answer:
    """What it tells apart."""
    classes = ", ".join(map(words.short, results.classes))
    text = f"Classification of X-rays into {len(results.classes)} classes: {classes}"
    if codes := of_training(results).get("multilabel"):
        text += f"; classes that imply others: {', '.join(codes)}"
    return Answer(f"{text}.")


def network(results: Results) -> Answer | None:
    """Inputs, layers and outputs, and how many parameters trained."""
    record = of_training(results)
    if "model" not in record or "head" not in record:
        return None
    hidden = ", ".join(map(str, record["head"])) or "none"
    text = (
        f"{record['model']} with torchvision's layers; input {CROP} x {CROP} x 3; head: hidden "
        f"layers of width {hidden}, with ReLU, dropout {record.get('dropout', 0):g}; "
        f"{len(results.classes)} outputs, one for each class."
    )
    if results.training is None:
        return Answer(text)
    plan = results.training.plan
    total, trained = (sum(getattr(row, key) for row in plan) for key in ("parameters", "trainable"))
    blocks = ", ".join(row.block for row in plan if row.trainable)
    return Answer(f"{text} {trained:,} of {total:,} parameters trained: {blocks}.")


def software(results: Results) -> Answer | None:
    """Versions and devices, of an evaluation its own and those of the run."""
    texts = [_surroundings(results.settings)]
    if is_evaluation(results) and (before := _surroundings(of_training(results))):
        texts = [f"Evaluation: {texts[0]}", f"Training: {before}"]
    return Answer(" ".join(texts)) if texts[0] else None


def start(results: Results) -> Answer | None:
    """Where the weights came from before training."""
    record = of_training(results)
    if "weights_source" not in record:
        return None
    text = f"Started from {record['weights_source']}"
    if "seed" in record:
        text += f"; what was random and trained was drawn by {_seeds(record)}"
    return Answer(f"{text}.")


def training(results: Results) -> Answer | None:
    """Every setting of the training."""
    record = of_training(results)
    if not {"optimizer", "lr", "epochs", "batch_size", "loss"} <= set(record):
        return None
    settings = [
        f"optimiser {record['optimizer']}, learning rate {record['lr']:g}",
        *(
            f"{name} {record[key]:g}"
            for key, name in NUMBERS.items()
            if record.get(key) and (key != "momentum" or record["optimizer"] == "sgd")
        ),
        *(f"{name}: {record[key]}" for key, name in CHOICES.items() if record.get(key)),
        words.counted(record["epochs"], "epoch"),
        f"batches of {record['batch_size']}",
        _loss(record),
        _augmentation(record),
        f"precision {record.get('precision', 'not recorded')}",
    ]
    wrong = [sentence(text) for text in record.get("warnings", ()) if "on purpose" in text]
    end = epoch_words.ending(results.training, record)
    return Answer(" ".join([sentence("; ".join(settings)), end, *wrong]))


NUMBERS = {
    "backbone_lr": "learning rate below the head",
    "momentum": "momentum",
    "weight_decay": "weight decay",
    "warmup_epochs": "epochs of warm-up",
    "dropout": "dropout in the head",
}
SAMPLING = {
    "balanced": "so that all classes come equally often",
    "balanced-by-source": "so that all classes of all sources come equally often",
}
CHOICES = {"schedule": "schedule", "batch_norm": "batch norm of frozen blocks"}


def selection(results: Results) -> Answer | None:
    """Which weights the results are of."""
    record = of_training(results)
    if "epochs" not in record:
        return None
    texts = [f"The weights {epoch_words.measured_after(results.training, record)}."]
    if record.get("select", "last") == "last":
        texts.append("No epoch was chosen.")
    texts.append("The tuning set (folder validation) was measured after each.")
    if results.thresholds:
        asked = [f", {text.replace(':', ' at ')}" for text in record.get("operating_point", ())]
        texts.append(f"It fixed the thresholds for 90 and 95 % specificity{''.join(asked)}.")
    texts += [sentence(text) for text in record.get("warnings", ()) if text.startswith(CHOSEN)]
    return Answer(" ".join(texts))


def ensemble(results: Results) -> Answer:
    """How many networks answer together, if it is not one."""
    record = of_training(results)
    folds = folds_in(record)
    count = (folds or 1) * record.get("seeds", 1)
    if count > 1:
        kinds = [f"{folds} folds"] * bool(folds) + [_seeds(record)] * (record.get("seeds", 1) > 1)
        return Answer(
            f"The mean of the probabilities of {count} networks ({', '.join(kinds)}), each with "
            "the same weight."
        )
    return Answer(f"None: all {len(results.classes)} probabilities are of one network.")


def _seeds(record: Mapping[str, Any]) -> str:
    first, count = record["seed"], record.get("seeds", 1)
    return f"seed {first}" if count == 1 else f"seeds {first} to {first + count - 1}"


def protocol(results: Results) -> Answer | None:
    """Where everything is recorded."""
    record = of_training(results)
    if "seed" not in record:
        return None
    return Answer(
        f"config.json beside this holds every setting ({_seeds(record)}), versions, device "
        "and the fingerprint of the data."
    )


def availability(results: Results) -> Answer | None:
    """What others need to have the same."""
    versions = results.settings.get("versions", {})
    if "jaxcovid" not in versions:
        return None
    text = f"Code: jaxcovid {versions['jaxcovid']}{_commit(results.settings)}."
    if results.training is not None and results.training.audit.frozen_unchanged:
        text += " Network: weights.pth and weights.safetensors in the run's folder."
    if fingerprint := results.settings.get("data_fingerprint"):
        text += f" Data: fingerprint {fingerprint}."
    return Answer(text)


def _surroundings(record: Mapping[str, Any]) -> str:
    versions, device = record.get("versions", {}), record.get("device", {})
    if not versions:
        return ""
    text = ", ".join(f"{name} {version}" for name, version in versions.items()) + _commit(record)
    if device.get("kind"):
        text += f"; {words.counted(device.get('count', 1), 'device')} of kind {device['kind']}"
    return f"{text}."


def _commit(record: Mapping[str, Any]) -> str:
    commit = record.get("git_commit")
    return f", commit {commit}" if commit else ", commit not recorded"


def _loss(record: Mapping[str, Any]) -> str:
    text = f"loss {record['loss']}"
    if record["loss"] == "focal":
        alpha = ", ".join(f"{factor:g}" for factor in record.get("focal_alpha", ()))
        text += f" (gamma {record.get('focal_gamma')}, alpha {alpha})"
    if record.get("class_weights", "none") != "none":
        text += f", {record['class_weights']} class weights"
    if record.get("sampling", "as-is") != "as-is":
        text += f", images drawn {SAMPLING[record['sampling']]}"
    return text


def _augmentation(record: Mapping[str, Any]) -> str:
    bounds = augmentation_of(from_json(TrainingSettings, dict(record)))
    if bounds is None:
        return "no augmentation"
    low, high = (100 * share for share in bounds.crop_area)
    changes = [
        f"rotation of up to {bounds.rotation:g} degrees" if bounds.rotation else "no rotation",
        f"a random crop of {low:g} to {high:g} % of the area with sides {RATIO[0]:.2f} to "
        f"{RATIO[1]:.2f}",
        f"mirroring of {100 * bounds.mirror:g} % of the images by chance"
        if bounds.mirror
        else "no mirroring",
    ]
    if bounds.contrast:
        changes.append(f"contrast changed by up to {100 * bounds.contrast:g} %")
    if views := record.get("views"):
        changes.append(f"{views} views of each image kept")
    return f"augmentation by {', '.join(changes)}"
