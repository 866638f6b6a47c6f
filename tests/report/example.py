"""Results for the tests of the report, with all that is awkward in names."""

import numpy as np

from jaxcovid.data.dataset import Dataset, Split
from jaxcovid.results import Epoch, FreezeAudit, PlanRow, Training
from jaxcovid.runs.gather import gather_results
from jaxcovid.training.evaluation import Predictions

CLASSES = ("<script>alert(1)</script>", "normal & healthy", "$pneu_mon\"ia'{{ 1 + 1 }}")
SIZES = {"train": 60, "validation": 40, "test": 30}


def dataset(sizes=SIZES, classes=CLASSES, patients=True):
    rng = np.random.default_rng(0)
    splits = {}
    for name, count in sizes.items():
        labels = np.arange(count, dtype=np.int32) % len(classes)
        pixels = rng.integers(0, 255, (count, 224, 224, 1), np.uint8)
        paths = tuple(
            f"{name}/{classes[label]}/{index} <img src=x>.png" for index, label in enumerate(labels)
        )
        empty = np.zeros((count, 0, 0, 1), np.uint8)
        splits[name] = Split(
            empty,
            np.zeros((count, 2), np.int32),
            pixels,
            labels,
            paths,
            np.zeros((count, 64, 64, 1), np.uint8),
        )
    groups = {name: np.arange(count) // 2 if patients else None for name, count in sizes.items()}
    return Dataset(
        "x-rays <b>", tuple(classes), splits, "f" * 32, skipped=("train/a/<i>broken.png: cut short",),
        warnings=("a <b>warning</b>",), patients=groups,
    )  # fmt: skip


def predictions(data, seed=1, skill=1.5):
    rng = np.random.default_rng(seed)
    by_split = {}
    for name, split in data.splits.items():
        logits = rng.normal(size=(len(split.labels), len(data.classes)))
        logits[np.arange(len(split.labels)), split.labels] += skill
        odds = np.exp(logits)
        shares = (odds / odds.sum(1, keepdims=True)).astype(np.float32)
        by_split[name] = Predictions(shares, 0.7, 0.5)
    return by_split


def training():
    plan = [
        PlanRow("conv1", "frozen", 9408, 0, "-"),
        PlanRow("bn1", "frozen", 128, 0, "running"),
        PlanRow("fc_0", "trainable", 164160, 164160, "-"),
    ]
    losses = ((1, 1.1), (2, 0.5), (3, 0.6))
    history = [Epoch(n, 8 * n, 1e-3, 1 / n, 0.5, loss, 0.4, 3.0, 20.0) for n, loss in losses]
    views = np.random.default_rng(2).normal(size=(8, 224, 224, 3)).astype(np.float32)
    return Training(plan, FreezeAudit(True, 100, 4, 4, ()), history, views, history[1])


def explain(images, classes):
    rows, columns = np.mgrid[:7, :7]
    return np.stack([np.exp(-((rows - label) ** 2 + (columns - 3) ** 2) / 4) for label in classes])


SETTINGS = {
    "model": "resnet18", "trainable": "head", "weights_source": "random weights", "warnings": ["a <b>warning</b>"],
    "epochs": 3, "select": "best",
    "dataset": {"name": "x-rays <b>", "images": {"train": {CLASSES[0]: 20}}, "skipped": ["train/a/<i>broken.png: cut short"], "ignored": []},
    "data_fingerprint": "f" * 32, "versions": {"jax": "0.10"}, "device": {"platform": "cpu"},
}  # fmt: skip


ELSEWHERE = {
    "network": "runs/one", "data": "x-rays <b>", "warnings": ["a <b>warning</b>"], "run": {"model": "resnet18"},
    "dataset": SETTINGS["dataset"], "data_fingerprint": "f" * 32, "versions": {"jax": "0.10"}, "device": {},
}  # fmt: skip


def results(data=None, with_training=True, **options):
    data = dataset() if data is None else data
    return gather_results(
        "resnet18, training head, on x-rays <b>",
        data,
        options.pop("predictions", None) or predictions(data),
        explain,
        SETTINGS if with_training else ELSEWHERE,
        training=training() if with_training else None,
        **options,
    )
