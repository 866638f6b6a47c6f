"""Experiments beside the seed solution's: of the task sheet, of other students, of its question."""

from typing import Any, Literal

from jaxcovid.assignment.preset import THREE_CLASSES, Preset, Reported, weights_file
from jaxcovid.assignment.seed_presets import CODES, SEED

# What trains on each rung, the file that the assignment wants, and the accuracy in percent that
# the best sisters reached on part 1's test images.
_RUNGS = {
    "fc": ("head", "FC layers only", "FC_Only", {"vgg16": 95.5, "resnet18": 93.8}),
    "one-conv": ("last_conv", "FC layers and the last conv layer", None, {}),
    "few-convs": ("last_block", "FC layers and the last block of conv layers", None, {}),
    "entire": ("all", "the entire network", "entire", {"vgg16": 97.9, "resnet18": 97.3}),
}


def _ladder(model: str, rung: str) -> Preset:
    """A step of the task sheet: the layers that train are given, the rest is the default."""
    trainable, title, kind, best = _RUNGS[rung]
    reached = f" The best sister reached {best[model]} % on the test images." if best else ""
    return Preset(
        title=f"{'VGG16' if model == 'vgg16' else 'ResNet18'}, {title}",
        part=1,
        source="task sheet",
        settings={"model": model, "trainable": trainable, "head": (320,)},
        notes=f"The task sheet names the layers and the head; the rest is the default.{reached}",
        weights_file=weights_file(model, kind) if kind else None,
    )


LADDER = {
    f"ladder-{model}-{rung}": _ladder(model, rung)
    for model in ("vgg16", "resnet18")
    for rung in _RUNGS
}


def _sister(
    title: str, part: Literal[1, 2], reported: Reported, notes: str, **settings: Any
) -> Preset:
    """Another student's experiment, as a README or notebook states it."""
    name = "VGG16" if settings["model"] == "vgg16" else "ResNet18"
    return Preset(f"{name}, {title}", part, "sister", settings, notes, reported)


_EASIER = "Measured on part 1's test images, which are about 5.7 points easier than validation"
_LAYERS = "Which layers trained is not said, all are assumed"

SISTERS = {
    "sister-vgg16-fc": _sister(
        "FC layers only, as the best sister: Adam",
        1,
        Reported(0.9553, 0.9626, split="test"),
        f"{_EASIER}; F1 is that of the class normal, and the epoch was the best of 20 on "
        "validation. The head is not known, so the default.",
        model="vgg16", trainable="head", optimizer="adam", lr=1e-3, batch_size=64, epochs=20,
    ),
    "sister-resnet18-fc": _sister(
        "FC layers only, as the best sister",
        1,
        Reported(0.938, None, ((562, 53), (40, 845)), split="test"),
        f"{_EASIER}. The freezing was verified. No random crop in the original.",
        model="resnet18", trainable="head", head=(480,), lr=1e-3, momentum=0.9, batch_size=8,
        epochs=10,
    ),
    "sister-vgg16-entire": _sister(
        "the entire network: Adam",
        1,
        Reported(0.973, 0.978, split="test"),
        f"{_EASIER}. The batch size is inferred from the number of steps; another sister reached "
        "97.9 % with settings that are not known.",
        model="vgg16", trainable="all", head=(120,), optimizer="adam", lr=1e-3, batch_size=32,
        epochs=6,
    ),
    "sister-resnet18-entire": _sister(
        "the entire network: Adam",
        1,
        Reported(0.968, 0.973, split="test"),
        f"{_EASIER}. The batch size is inferred from the number of steps; another sister reached "
        "97.3 % with Adagrad.",
        model="resnet18", trainable="all", head=(120,), optimizer="adam", lr=1e-3, batch_size=32,
        epochs=6,
    ),
    "sister-vgg16-focal": _sister(
        "focal loss with a factor for each class",
        2,
        Reported(0.963, 0.947, classes=THREE_CLASSES),
        f"24 of 28 covid-19 images were found. {_LAYERS}.",
        model="vgg16", trainable="all", head=(300, 80), dropout=0.5, loss="focal",
        focal_gamma=2.5, focal_alpha=(1.2, 0.01, 0.5), lr=1e-3, momentum=0.9, batch_size=64,
        epochs=20, multilabel=CODES,
    ),
    "sister-resnet18-bce": _sister(
        "binary cross-entropy on right codes",
        2,
        Reported(0.938, 0.91, classes=THREE_CLASSES),
        f"No covid-19 image was found, with right codes too. {_LAYERS}.",
        model="resnet18", trainable="all", head=(200, 50), dropout=0.5, loss="bce", lr=1e-3,
        momentum=0.9, batch_size=64, epochs=20, multilabel=CODES,
    ),
}  # fmt: skip

# The seed asks why ResNet18 got drastically worse at batch 60. This is batch 8, to compare with.
ASKED = "part1-resnet18-fc-1"

_MORE = 60 / 8


def _question(title: str, notes: str, **changes: Any) -> Preset:
    """The experiment asked about at batch 60, with what else is changed."""
    asked = SEED[ASKED]
    return Preset(
        title=f"ResNet18, FC layers only, batch 60{title}",
        part=1,
        source="question",
        settings={**asked.settings, "batch_size": 60, **changes},
        notes=notes,
    )


QUESTION = {
    "question-batch-60": _question(
        "",
        f"{ASKED} at batch 60, all else equal. The seed calls it drastically worse and gives no "
        "figure; as written, it takes the statistics of its batches.",
    )._replace(mistakes=SEED[ASKED].mistakes, as_run=SEED[ASKED].as_run),
    "question-batch-60-lr": _question(
        ", rate times 7.5",
        "The learning rate is scaled with the batch: as few updates, each as much larger.",
        lr=SEED[ASKED].settings["lr"] * _MORE,
    ),
    "question-batch-60-steps": _question(
        ", as many steps",
        "The epochs are scaled with the batch: about as many updates as at batch 8.",
        epochs=round(SEED[ASKED].settings["epochs"] * _MORE),
    ),
}
