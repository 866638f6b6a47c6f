"""Which epoch's network is measured and saved, and after which no other is trained."""

from collections.abc import Sequence

from jaxcovid.config import TrainingSettings
from jaxcovid.results import Epoch


def chosen_epoch(settings: TrainingSettings, history: Sequence[Epoch]) -> Epoch:
    """The last epoch, or the first of those of lowest validation loss, as `select` says."""
    return history[-1] if settings.select == "last" else best_epoch(history)


def training_ends(settings: TrainingSettings, history: Sequence[Epoch]) -> bool:
    """Whether all epochs were trained, or the last `patience` lowered no validation loss."""
    if len(history) == settings.epochs or settings.patience is None or not history:
        return len(history) == settings.epochs
    return history[-1].epoch - best_epoch(history).epoch >= settings.patience


def best_epoch(history: Sequence[Epoch]) -> Epoch:
    """The first of the epochs of lowest validation loss."""
    return min(history, key=lambda row: row.validation_loss)
