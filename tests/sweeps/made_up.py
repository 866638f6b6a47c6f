"""Made-up members of a sweep, for tests of what is said of them: no training."""

from jaxcovid.config import Config, as_json
from jaxcovid.results import Epoch
from jaxcovid.sweeps.grid import Grid
from jaxcovid.sweeps.outcome import Outcome

GRID = Grid({"lr": (1e-3, 1e-2)}, 3)
CLEAR = [0.50, 0.52, 0.54, 0.90, 0.93, 0.93]
CLOSE = [0.50, 0.60, 0.55, 0.54, 0.51, 0.63]

IMAGES = {"covid": 6, "normal": 14}

# What sweep.json holds, as far as the page reads it.
RECORD = {
    **as_json(Config()),
    "metric": "balanced_accuracy",
    "dataset": {
        "name": "<xrays>", "classes": list(IMAGES), "images": {"train": IMAGES, "validation": IMAGES},
    },
    "warnings": ["random <b>weights</b>"],
}  # fmt: skip


def outcome(place, figure, diverged=0, loss=0.5, answers=("covid", "normal"), **others):
    """A member all of whose figures are `figure` but for AUROC, which is undefined, and `others`."""
    row = Epoch(1, 4, 0.1, 0.6, 0.7, loss, figure, 1.0, 10.0)
    figures = {
        "accuracy": figure, "balanced_accuracy": figure, "macro_f1": figure, "auroc": None, **others
    }  # fmt: skip
    if diverged:
        return Outcome(place, diverged, (row,), {})
    return Outcome(place, 0, (row,), {"validation": figures}, answers)


def outcomes(figures, diverged=(), constant=()):
    """Members of which those at `diverged` fell and those at `constant` answer normal only."""
    return [
        outcome(
            place, figure, int(place in diverged),
            answers=("normal",) if place in constant else ("covid", "normal"),
        )
        for place, figure in enumerate(figures)
    ]  # fmt: skip
