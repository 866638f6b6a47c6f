import pytest

from jaxcovid.report.epoch_words import ending, is_flattered, measured_after
from tests.report import example

TRAINING = example.training()  # three epochs, the second measured

# Training, settings, after which epoch the network was measured, and how training ended.
CASES = {
    "an earlier epoch": (
        TRAINING, {"epochs": 3, "select": "best", "patience": None},
        "after epoch 2 of 3, that of lowest validation loss", "All epochs were run",
    ),
    "the last": (
        TRAINING, {"epochs": 3, "select": "last", "patience": 1}, "after the last of 3 epochs", "All epochs were run",
    ),
    "stopped": (
        TRAINING, {"epochs": 9, "select": "best", "patience": 1},
        "after epoch 2 of 3, that of lowest validation loss",
        "Training stopped after epoch 3 of at most 9, as 1 epoch brought no lower validation loss.",
    ),
    "stopped, the last": (
        TRAINING, {"epochs": 9, "select": "last", "patience": 2}, "after the last of 3 epochs",
        "Training stopped after epoch 3 of at most 9, as 2 epochs brought no lower validation loss.",
    ),
    "another's, best": (
        None, {"epochs": 9, "select": "best", "patience": 2},
        "after that of at most 9 epochs that had the lowest validation loss", "It was to stop where 2 epochs brought no",
    ),
    "another's, last": (
        None, {"epochs": 9, "select": "last", "patience": None}, "after the last of 9 epochs", "All epochs were run",
    ),
    "of an older run": (None, {"epochs": 1}, "after the last of 1 epoch", "All epochs were run"),
}  # fmt: skip


@pytest.mark.parametrize(("training", "record", "measured", "end"), CASES.values(), ids=CASES)
def test_words(training, record, measured, end):
    assert measured_after(training, record) == measured
    assert ending(training, record).startswith(end)


def test_only_an_epoch_chosen_of_several_flatters():
    one = TRAINING._replace(history=TRAINING.history[:1])
    assert is_flattered(TRAINING, {"select": "best"})
    assert not is_flattered(TRAINING, {"select": "last"})
    assert not is_flattered(one, {"select": "best"})
    assert not is_flattered(None, {"select": "best"})
