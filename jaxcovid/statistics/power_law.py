"""How an error falls with the number of training patients: a power law, and how sure it is.

error = floor + factor * patients ** -exponent, fitted by least squares in which larger sets weigh
more (Figueroa et al. 2012, "Predicting sample size required for classification performance", BMC
Medical Informatics and Decision Making 12:8). Not every learning curve is one (Viering and Loog
2023, "The shape of learning curves: a review").
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float

# The law is not asked about more than so many times the patients there are.
FARTHEST = 4
STEEPEST = 2.0
# An error is never known better than that.
LEAST_SPREAD = 1e-3


class PowerLaw(NamedTuple):
    """The error of infinitely many patients, what is added to it, and how fast that falls."""

    floor: float
    factor: float
    exponent: float

    def __call__(self, patients: float) -> float:
        """The error with so many patients."""
        return self.floor + self.factor * patients**-self.exponent


def fitted(
    patients: Sequence[float], errors: Sequence[float] | Float[np.ndarray, "size"]
) -> PowerLaw | None:
    """The law of these errors; None if no law fits that falls."""
    sizes, known = np.array(patients, np.float64), np.array(errors, np.float64)
    if len(sizes) < 3 or not np.isfinite(known).all():
        return None
    # With the largest set as unit, factor and floor are of one size.
    unit = sizes.max()

    def law(size: np.ndarray, floor: float, factor: float, exponent: float) -> np.ndarray:
        return floor + factor * size**-exponent

    lowest = max(float(known.min()), 1e-6)
    try:
        found, _ = scipy.optimize.curve_fit(
            law, sizes / unit, known, (lowest / 2, lowest / 2, 0.5), 1 / np.sqrt(sizes / unit),
            bounds=((0, 0, 1e-3), (lowest + 1e-9, 10, STEEPEST)),
        )  # fmt: skip
    except (RuntimeError, ValueError):
        return None
    floor, factor, exponent = map(float, found)
    return PowerLaw(floor, factor * unit**exponent, exponent)


class Forecast(NamedTuple):
    """By how much the area grows with more patients, and whether the law is to be trusted.

    `gains` are {times: (value, low, high)}, with 95 % intervals. `held_back` is what the law
    without the largest set says of its error, and that error. `doubt` says why not to trust it,
    empty if nothing speaks against it.
    """

    law: PowerLaw | None
    gains: dict[int, tuple[float, float, float]]
    held_back: tuple[float, float] | None
    doubt: str


def forecast(
    patients: Sequence[float],
    errors: Float[np.ndarray, "size draw"],
    resampled: Float[np.ndarray, "resample size draw"],
    seed: int = 0,
) -> Forecast:
    """What more patients would bring, from errors of several draws of sets of each size.

    `resampled` are the errors on resamples of the test patients, the same for all networks: they
    and the draws are resampled together.
    """
    law = fitted(patients, errors.mean(1))
    if law is None:
        return Forecast(None, {}, None, "no power law fits")
    most = float(max(patients))
    generator, draws = np.random.default_rng(seed), errors.shape[1]
    laws = []
    for of_test in resampled:
        chosen = generator.integers(0, errors.shape[1], errors.shape)
        centre = of_test.mean(1)
        # Resamples of few draws spread too little by that factor (Davison and Hinkley 1997, 2.6).
        wider = np.sqrt(draws / (draws - 1)) if draws > 1 else 1.0
        means = centre + wider * (np.take_along_axis(of_test, chosen, 1).mean(1) - centre)
        if (other := fitted(patients, means)) is not None:
            laws.append(other)
    gains = {}
    for times in (2, FARTHEST):
        values = [other(most) - other(times * most) for other in laws]
        low, high = np.percentile(values, (2.5, 97.5)) if values else (np.nan, np.nan)
        gains[times] = (law(most) - law(times * most), float(low), float(high))
    before = fitted(patients[:-1], errors[:-1].mean(1))
    held_back = None if before is None else (before(most), float(errors[-1].mean()))
    doubt = _doubt(law, patients, errors, resampled, gains, held_back)
    return Forecast(law, gains, held_back, doubt)


def _doubt(
    law: PowerLaw,
    patients: Sequence[float],
    errors: Float[np.ndarray, "size draw"],
    resampled: Float[np.ndarray, "resample size draw"],
    gains: dict[int, tuple[float, float, float]],
    held_back: tuple[float, float] | None,
) -> str:
    # What all sizes have in common of the test patients' luck moves the curve and does not bend it.
    bent = resampled.mean(2) - resampled.mean((1, 2))[:, None]
    spread = bent.std(0) + errors.std(1, ddof=1) / np.sqrt(errors.shape[1])
    spread = np.maximum(spread, LEAST_SPREAD)
    misses = np.abs(errors.mean(1) - [law(size) for size in patients])
    if errors[-1].mean() >= errors[0].mean():
        return "the error does not fall with the number of patients"
    if (misses > 3 * spread).any():
        return "the errors do not fall as a power law does"
    if held_back is not None and abs(held_back[0] - held_back[1]) > 4 * spread[-1]:
        return "the law without the largest set does not say how that did"
    if law.exponent >= STEEPEST - 1e-3:
        return "the error falls faster than the law can"
    if gains[2][1] < 1e-3:
        return "the curve is flat within its noise: more patients may bring nothing"
    return ""
