"""In words: after which epoch a network was measured, and why training ended."""

from collections.abc import Mapping
from typing import Any

from jaxcovid.report import words
from jaxcovid.results import Training


def measured_after(training: Training | None, record: Mapping[str, Any]) -> str:
    """After which epoch a run's network was measured and saved.

    `record` holds its settings; `training` is None where they are all that is known of it.
    """
    number = record["epochs"] if training is None else len(training.history)
    trained = words.counted(number, "epoch")
    if record.get("select", "last") == "last":
        most = "at most " if training is None and record.get("patience") is not None else ""
        return f"after the last of {most}{trained}"
    if training is None:
        return f"after that of at most {trained} that had the lowest validation loss"
    return f"after epoch {training.chosen.epoch} of {number}, that of lowest validation loss"


def ending(training: Training | None, record: Mapping[str, Any]) -> str:
    """Why training ended when it did, as a sentence."""
    stopped = training is not None and len(training.history) < record["epochs"]
    if record.get("patience") is None or not (stopped or training is None):
        return "All epochs were run; nothing stopped training early."
    without = f"{words.counted(record['patience'], 'epoch')} brought no lower validation loss"
    if training is None:
        return f"It was to stop where {without}."
    trained = len(training.history)
    return f"Training stopped after epoch {trained} of at most {record['epochs']}, as {without}."


def is_flattered(
    training: Training | None, record: Mapping[str, Any], of_several: bool = False
) -> bool:
    """Whether an epoch was chosen of several by the loss on the validation images.

    `of_several` networks each was, or none: they have no one `training`.
    """
    trained = record["epochs"] if of_several else 0 if training is None else len(training.history)
    return trained > 1 and record.get("select") == "best"
