"""Named experiments: `python experiments/run.py --preset NAME`; `--list-presets` prints them all.

They are the experiments of the assignment's seed solution, the ladder of layers that its task sheet
asks for, the settings of the best sister solution, and what the seed's open question needs: why
ResNet18 got worse at batch 60. What the sources leave open, such as augmentation, is the default of
`Config`.
"""

import difflib
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from jaxcovid.assignment.reported import Reported
from jaxcovid.config import Config
from jaxcovid.errors import InputError

TWO_CLASSES = ("infected", "normal")
THREE_CLASSES = ("covid-19", "normal", "pneumonia")


class Preset(NamedTuple):
    """One experiment, and what its source reports of it."""

    title: str
    part: Literal[1, 2]
    source: Literal["seed", "task sheet", "sister", "question"]
    settings: Mapping[str, Any]
    """What the source says, as fields of Config, also where that is the default."""
    notes: str
    """What is odd about the settings or the figures."""
    reported: Reported | None = None
    weights_file: str | None = None
    """The name that the assignment wants for the trained weights."""
    habits: tuple[str, ...] = ()
    """Mistakes of the original that change its figures, of `jaxcovid.assignment.mistakes`."""
    as_run: Mapping[str, Any] = {}
    """Settings of the original that were not what its author meant."""


def config(name: str, as_written: bool = False) -> Config:
    """The settings of the preset, perhaps with the mistakes of its original.

    Raises InputError naming the closest ones if there is none.
    """
    if name not in PRESETS:
        close = difflib.get_close_matches(name, PRESETS, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise InputError([f"--preset: there is no {name!r}; {hint}--list-presets prints all"])
    preset = PRESETS[name]
    settings = {"preset": name, "weights_file": preset.weights_file, **preset.settings}
    if as_written:
        if not (preset.habits or preset.as_run):
            raise InputError([f"--as-written: nothing is known to be wrong with {name}"])
        settings |= {"as_written": True, "habits": preset.habits, **preset.as_run}
    return Config(**settings)


def _weights_file(model: str, what: str) -> str:
    return f"{model.replace('resnet', 'res')}_{what}.pth"


def _first_part(
    model: str, trainable: str, lr: float, momentum: float, batch_size: int, epochs: int
) -> dict[str, Any]:
    return {
        "model": model,
        "trainable": trainable,
        "head": (320,),
        "loss": "cross_entropy",
        "optimizer": "sgd",
        "lr": lr,
        "momentum": momentum,
        "batch_size": batch_size,
        "epochs": epochs,
    }


_CODES = ("covid-19=covid-19+pneumonia",)


def _second_part(model: str, loss: str, lr: float, epochs: int) -> dict[str, Any]:
    return {
        **_first_part(model, "head", lr, 0.9, 8, epochs),
        "head": {"vgg16": (1024, 512), "resnet18": (256, 128)}[model],
        "dropout": 0.5,
        "loss": loss,
        "multilabel": _CODES,
        **({"focal_alpha": (1.0,), "focal_gamma": 2.0} if loss == "focal" else {}),
    }


_NO_EVAL = "It was evaluated with the batch statistics of the 1,500 images"
_WHOLE_F1 = "F1 is the macro-F1 of the matrix: all images were the last batch"
_PART_F1 = "F1 is of a last batch, whose size is not known (8 is assumed)"
_FROZEN = (
    "requires_grad was set on modules, so the conv layers stayed frozen and only the head trained; "
    "these settings are what was meant"
)
_SECOND = (
    "It started from a sister's part-1 network (give --weights RUN to start from yours; normal "
    "images of its validation are in the training images of part 1); which layers trained is not "
    "said, the head is assumed"
)
# Its matrices come from passes of their own, each with other dropout and other batches.
_SECOND_HABITS = ("train_mode_evaluation", "covid_and_normal", "last_batch_f1")

# Images that were evaluated at once.
_WHOLE, _EIGHT = {"eval_batch_size": 1500}, {"eval_batch_size": 8}

SEED = {
    "part1-resnet18-fc-1": Preset(
        title="ResNet18, FC layers only, first settings",
        part=1,
        source="seed",
        settings=_first_part("resnet18", "head", 1e-4, 0.9, 8, 5),
        notes=f"{_NO_EVAL}; its matrix gives 84.9 %. {_WHOLE_F1}.",
        reported=Reported(0.84, 0.8438, ((504, 111), (116, 769))),
        weights_file=_weights_file("resnet18", "FC_Only"),
        habits=("train_mode_evaluation", "last_batch_f1"),
        as_run={"batch_norm": "batch"} | _WHOLE,
    ),
    "part1-resnet18-fc-2": Preset(
        title="ResNet18, FC layers only, second settings",
        part=1,
        source="seed",
        settings=_first_part("resnet18", "head", 1e-2, 0.95, 8, 5),
        notes=f"A collapse: every image was called normal. {_NO_EVAL}. {_WHOLE_F1}.",
        reported=Reported(0.59, 0.3711, ((0, 615), (0, 885))),
        weights_file=_weights_file("resnet18", "FC_Only"),
        habits=("train_mode_evaluation", "last_batch_f1"),
        as_run={"batch_norm": "batch"} | _WHOLE,
    ),
    "part1-vgg16-fc-1": Preset(
        title="VGG16, FC layers only, first settings",
        part=1,
        source="seed",
        settings=_first_part("vgg16", "head", 1e-3, 0.9, 60, 3),
        notes=(
            "Batch 60 and 3 epochs, so not comparable with the others; its matrix gives 85.6 %. "
            f"{_PART_F1}."
        ),
        reported=Reported(0.85, 0.8535, ((436, 179), (37, 848))),
        weights_file=_weights_file("vgg16", "FC_Only"),
        habits=("last_batch_f1",),
        as_run=_EIGHT,
    ),
    "part1-vgg16-fc-2": Preset(
        title="VGG16, FC layers only, second settings",
        part=1,
        source="seed",
        settings=_first_part("vgg16", "head", 1e-2, 0.95, 8, 5),
        notes=f"The learning rate is that of the run; the report says 1e-3. {_PART_F1}.",
        reported=Reported(0.87, 0.8992, ((571, 44), (149, 736))),
        weights_file=_weights_file("vgg16", "FC_Only"),
        habits=("last_batch_f1",),
        as_run=_EIGHT,
    ),
    "part1-resnet18-last-conv": Preset(
        title='ResNet18, "last layer"',
        part=1,
        source="seed",
        settings=_first_part("resnet18", "last_conv", 1e-4, 0.95, 8, 3),
        notes=(
            "The epochs are those of its curves; the report says 5. The cell that should unfreeze "
            f"uses .features, which ResNet18 lacks. {_NO_EVAL}. F1 1.0 is that of the last batch; "
            "88 % does not follow from the matrix (86.8 %), whose first row is that of "
            "part1-resnet18-fc-1."
        ),
        reported=Reported(0.88, 1.0, ((504, 111), (87, 798))),
        habits=("train_mode_evaluation", "last_batch_f1"),
        as_run={"trainable": "head", "batch_norm": "batch"} | _EIGHT,
    ),
    "part1-vgg16-last-conv": Preset(
        title='VGG16, "last CNN layer"',
        part=1,
        source="seed",
        settings=_first_part("vgg16", "last_conv", 1e-3, 0.95, 8, 5),
        notes=f"{_FROZEN}. {_PART_F1}.",
        reported=Reported(0.87, 0.5556, ((518, 97), (84, 801))),
        habits=("last_batch_f1",),
        as_run={"trainable": "head"} | _EIGHT,
    ),
    "part1-vgg16-all": Preset(
        title='VGG16, "all CNN layers"',
        part=1,
        source="seed",
        settings=_first_part("vgg16", "all", 1e-3, 0.95, 8, 3),
        notes=f"{_FROZEN}. {_PART_F1}.",
        reported=Reported(0.87, 0.9111, ((547, 68), (119, 766))),
        weights_file=_weights_file("vgg16", "entire"),
        habits=("last_batch_f1",),
        as_run={"trainable": "head"} | _EIGHT,
    ),
    "part2-vgg16-bce": Preset(
        title="VGG16, three classes as codes, binary cross-entropy",
        part=2,
        source="seed",
        settings=_second_part("vgg16", "bce", 5e-3, 8),
        notes=(
            "No covid-19 image was found. The epochs are those of the output; the report says 5. "
            f"{_SECOND}."
        ),
        reported=Reported(
            0.92, 0.6474, ((0, 22, 6), (0, 398, 2), (0, 19, 181)), THREE_CLASSES, 25.5
        ),
        habits=(*_SECOND_HABITS, "sigmoid_twice"),
        as_run=_EIGHT,
    ),
    "part2-resnet18-bce": Preset(
        title="ResNet18, three classes as codes, binary cross-entropy",
        part=2,
        source="seed",
        settings=_second_part("resnet18", "bce", 1e-3, 5),
        notes=f"2 of 28 covid-19 images were found. {_SECOND}.",
        reported=Reported(
            0.92, 0.6538, ((2, 19, 7), (1, 392, 7), (1, 16, 183)), THREE_CLASSES, 14.3
        ),
        habits=(*_SECOND_HABITS, "sigmoid_twice"),
        as_run={"batch_norm": "batch"} | _EIGHT,
    ),
    "part2-vgg16-focal": Preset(
        title="VGG16, three classes as codes, focal loss",
        part=2,
        source="seed",
        settings=_second_part("vgg16", "focal", 5e-3, 8),
        notes=(
            f"No covid-19 image was found. {_SECOND}. The best sister reached a macro-F1 of 0.920 "
            "with VGG16 and a focal loss."
        ),
        reported=Reported(
            0.92, 0.6525, ((0, 22, 6), (0, 397, 3), (0, 18, 182)), THREE_CLASSES, 24.0
        ),
        weights_file=_weights_file("vgg16", "focal_loss"),
        habits=(*_SECOND_HABITS, "batch_mean_focal"),
        as_run=_EIGHT,
    ),
    "part2-resnet18-focal": Preset(
        title="ResNet18, three classes as codes, focal loss",
        part=2,
        source="seed",
        settings=_second_part("resnet18", "focal", 5e-3, 8),
        notes=(
            "No covid-19 image was found; 90 % does not follow from the matrix (91.1 %): each "
            f"comes from a pass of its own, with other dropout and other batches. {_SECOND}."
        ),
        reported=Reported(
            0.90, 0.6458, ((0, 24, 4), (0, 392, 8), (0, 20, 180)), THREE_CLASSES, 23.9
        ),
        weights_file=_weights_file("resnet18", "focal_loss"),
        habits=(*_SECOND_HABITS, "batch_mean_focal"),
        as_run={"batch_norm": "batch"} | _EIGHT,
    ),
}

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
    trainable, title, weights_file, best = _RUNGS[rung]
    reached = f" The best sister reached {best[model]} % on the test images." if best else ""
    return Preset(
        title=f"{'VGG16' if model == 'vgg16' else 'ResNet18'}, {title}",
        part=1,
        source="task sheet",
        settings={"model": model, "trainable": trainable, "head": (320,)},
        notes=f"The task sheet names the layers and the head; the rest is the default.{reached}",
        weights_file=_weights_file(model, weights_file) if weights_file else None,
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
        epochs=20, multilabel=_CODES,
    ),
    "sister-resnet18-bce": _sister(
        "binary cross-entropy on right codes",
        2,
        Reported(0.938, 0.91, classes=THREE_CLASSES),
        f"No covid-19 image was found, with right codes too. {_LAYERS}.",
        model="resnet18", trainable="all", head=(200, 50), dropout=0.5, loss="bce", lr=1e-3,
        momentum=0.9, batch_size=64, epochs=20, multilabel=_CODES,
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
    )._replace(habits=SEED[ASKED].habits, as_run=SEED[ASKED].as_run),
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

PRESETS: Mapping[str, Preset] = {**SEED, **LADDER, **SISTERS, **QUESTION}
