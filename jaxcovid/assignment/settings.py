"""The settings that only the assignment knows, beside those of `jaxcovid.config`.

Imports nothing slow, so that --help answers at once.
"""

import dataclasses
from pathlib import Path
from typing import Literal

from jaxcovid.config import Config, read_settings
from weights_convert.names import ARCHITECTURES

Mistake = Literal[
    "train_mode_evaluation",
    "covid_and_normal",
    "sigmoid_twice",
    "batch_mean_focal",
    "last_batch_f1",
    "summed_batch_f1",
    "f1_not_reset",
    "moved_statistics",
    "loss_over_images",
    "subset_accuracy",
    "micro_precision",
    "names_unshuffled",
]


@dataclasses.dataclass(frozen=True)
class AssignmentSettings:
    """Experiments of the assignment, and its original's mistakes.

    The names of the fields are those of the flags and of the keys in config.json.
    """

    habits: tuple[Mistake, ...] = ()
    """Mistakes of the assignment's original, to explain its figures: train_mode_evaluation (batch
    norm takes the evaluation batch's statistics, dropout stays on), moved_statistics (validation
    moves the running statistics that are saved), covid_and_normal (the first
    class coded [1, 1, 0], the largest output the answer), sigmoid_twice (a sigmoid before the loss
    that takes one itself), batch_mean_focal (p_t from the batch's mean loss), last_batch_f1 (F1 of
    the last batch alone), summed_batch_f1 (F1 summed over batches, divided by the number of all but
    one), f1_not_reset (that sum begins at the result before it), loss_over_images (the curves' loss
    is a sum of means of batches divided by the number of images), subset_accuracy (the curves'
    accuracy counts images all of whose outputs are right), micro_precision (or is the precision of
    all outputs), names_unshuffled (names of unlabelled images beside answers in another order).
    Only with them do figures depend on --eval-batch-size."""
    as_written: bool = False
    """With --preset: its original's mistakes and unintended settings too."""
    preset: str | None = None
    """A named experiment, whose settings are then the defaults; --list-presets prints them all."""


def stored(run: Path, name: str = "config.json") -> AssignmentSettings:
    """The assignment's settings of an earlier run; the defaults for those that its file lacks.

    `run` is its folder, and `name` the file in it that holds the settings. Raises InputError.
    """
    return read_settings(AssignmentSettings, run, name)


def problems(assignment: AssignmentSettings, config: Config) -> list[str]:
    """Mistakes that cannot be made with the run's other settings."""
    needs: dict[Mistake, tuple[bool, str]] = {
        "covid_and_normal": (bool(config.multilabel), "`multilabel`"),
        "sigmoid_twice": (config.loss != "cross_entropy", "`loss=bce` or focal"),
        "batch_mean_focal": (
            config.loss == "focal" and len(config.focal_alpha) == 1,
            "`loss=focal` and one `focal_alpha`",
        ),
        "train_mode_evaluation": (config.views == 0, "`views=0`"),
        "summed_batch_f1": ("last_batch_f1" not in assignment.habits, "no last_batch_f1 beside it"),
        "f1_not_reset": ("summed_batch_f1" in assignment.habits, "summed_batch_f1 beside it"),
        "moved_statistics": (
            "train_mode_evaluation" in assignment.habits
            and config.batch_norm == "batch"
            and _has_statistics(config.model),
            "train_mode_evaluation beside it, `batch_norm=batch` and a network with batch norm",
        ),
        "subset_accuracy": (config.loss != "cross_entropy", "`loss=bce` or focal"),
        "micro_precision": (
            config.loss != "cross_entropy" and "subset_accuracy" not in assignment.habits,
            "`loss=bce` or focal, and no subset_accuracy beside it",
        ),
    }
    messages = [
        f"`habits={mistake}`: needs {settings}"
        for mistake, (is_met, settings) in needs.items()
        if mistake in assignment.habits and not is_met
    ]
    if assignment.as_written and assignment.preset is None:
        messages.append("`as_written`: give `preset` too, whose original is meant")
    return messages


def _has_statistics(model: str) -> bool:
    # Another name is refused where all settings are looked at.
    backbone = ARCHITECTURES[model].backbone if model in ARCHITECTURES else ()
    return any(entry.torch.endswith("running_mean") for entry in backbone)
