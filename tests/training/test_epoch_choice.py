import pytest

from jaxcovid.config import Config
from jaxcovid.results import Epoch
from jaxcovid.training.epoch_choice import chosen_epoch, training_ends


def history(*losses):
    return [Epoch(n, n, 1e-3, 1.0, 0.5, loss, 0.5, 1.0, 1.0) for n, loss in enumerate(losses, 1)]


# Validation losses, and the epochs that best and last choose.
CHOICES = {
    "one": ((0.5,), 1, 1),
    "the last is the best": ((0.5, 0.4), 2, 2),
    "an earlier one": ((0.5, 0.3, 0.4), 2, 3),
    "of equal ones the first": ((0.5, 0.3, 0.3), 2, 3),
}


@pytest.mark.parametrize(("losses", "best", "last"), CHOICES.values(), ids=CHOICES)
def test_choice(losses, best, last):
    assert chosen_epoch(Config(select="best"), history(*losses)).epoch == best
    assert chosen_epoch(Config(select="last"), history(*losses)).epoch == last


# Validation losses so far, epochs asked for, patience, and whether training ends.
ENDS = {
    "not begun": ((), 2, None, False),
    "not begun, patient": ((), 2, 1, False),
    "going on": ((0.5,), 2, None, False),
    "all epochs": ((0.5, 0.6), 2, None, True),
    "all epochs, patient": ((0.5, 0.4), 2, 5, True),
    "falling": ((0.5, 0.4, 0.3), 9, 1, False),
    "one too many": ((0.5, 0.6), 9, 1, True),
    "one is not enough": ((0.5, 0.6), 9, 2, False),
    "two": ((0.5, 0.6, 0.55), 9, 2, True),
    "equal is not lower": ((0.5, 0.5, 0.5), 9, 2, True),
    "lower again": ((0.5, 0.6, 0.4), 9, 2, False),
}


@pytest.mark.parametrize(("losses", "epochs", "patience", "ends"), ENDS.values(), ids=ENDS)
def test_end(losses, epochs, patience, ends):
    for select in ("best", "last"):
        config = Config(epochs=epochs, patience=patience, select=select)
        assert training_ends(config, history(*losses)) == ends
