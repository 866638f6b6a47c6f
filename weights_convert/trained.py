"""Do weights look trained, or fresh from initialisation? The latter are published by mistake.

What speaks for it is in the arrays: initialisation draws every weight of a filter by itself, while
filters that learned from pictures are smooth; and it leaves batch norm's statistics at 0 and 1.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from weights_convert.printable import printable

# Neighbouring weights of the first layer correlate by 0.37 in a trained ResNet18, 0.55 in a VGG16.
SMOOTH = 0.15
# Standard deviations that the correlation of random weights stays within, and what these may reach
# at most, so that it tells anything.
BY_CHANCE, WIDEST = 4, 0.3
# Values of the largest first layer that is looked at; that of a ViT-L/16 has 786,432. What a file
# holds may claim to be of any size, as values that repeat are stored once.
LARGEST = 2_000_000


# What a verdict means, in words.
WORDS = {
    "trained": "looks trained",
    "fresh": "looks fresh from initialisation, not trained",
    "doubtful": "looks only partly trained",
    "unknown": "trained or fresh: cannot be told",
}


class Look(NamedTuple):
    """What weights look like, and why, in words."""

    verdict: Literal["trained", "fresh", "doubtful", "unknown"]
    reason: str


def look(state: Mapping[str, np.ndarray]) -> Look:
    """What the arrays of a state_dict, by torchvision's names, look like.

    "doubtful" are those of which a part looks trained and a part fresh, "unknown" those without a
    layer that sees pictures.
    """
    statistics, layer = _statistics(state), _first_layer(state)
    reasons = "; ".join(part.reason for part in (layer, statistics) if part.reason)
    verdicts = {part.verdict for part in (layer, statistics)} - {"unknown"}
    if layer.verdict == "unknown":
        return Look("unknown", reasons or "no layer that sees pictures")
    return Look("doubtful" if len(verdicts) > 1 else layer.verdict, reasons)


def smoothness(filters: np.ndarray) -> tuple[float, int]:
    """How neighbouring weights of filters (output, input, height, width) correlate; of how many.

    The filters must be finite and not all alike.
    """
    weights = filters.astype(np.float64)
    weights /= np.abs(weights).max()  # so that no square is out of range
    weights -= weights.mean()
    pairs = [
        (weights[..., 1:, :], weights[..., :-1, :]),
        (weights[..., :, 1:], weights[..., :, :-1]),
    ]
    above = sum(float((one * other).sum()) for one, other in pairs)
    below = sum(float(np.sqrt((one**2).sum() * (other**2).sum())) for one, other in pairs)
    return above / below, sum(one.size for one, _ in pairs)


def _first_layer(state: Mapping[str, np.ndarray]) -> Look:
    """The first one whose filters have several places and see a grey or a colour picture."""
    for name, array in state.items():
        if array.ndim == 4 and array.shape[1] in (1, 3) and min(array.shape[2:]) > 1:
            return _filters(printable(name), array)
    return Look("unknown", "")


def _filters(name: str, array: np.ndarray) -> Look:
    is_real = array.dtype.kind == "f" or array.dtype.name == "bfloat16"
    if not is_real or not 0 < array.size <= LARGEST or not np.isfinite(array).all():
        return Look("unknown", f"{name} holds no weights that could be compared")
    if (array == array.flat[0]).all():
        return Look("unknown", f"all weights of {name} are the same")
    correlation, pairs = smoothness(array)
    by_chance = BY_CHANCE / pairs**0.5
    if by_chance > WIDEST:
        return Look("unknown", f"{name} holds too few weights to tell")
    reason = f"neighbouring weights of {name} correlate by {correlation:.2f}"
    if abs(correlation) <= by_chance:
        return Look("fresh", f"{reason}, as random ones do (at most {by_chance:.2f})")
    if correlation >= SMOOTH:
        return Look("trained", f"{reason} (random ones by at most {by_chance:.2f})")
    return Look(
        "doubtful", f"{reason}: not as random ones ({by_chance:.2f}), but less than {SMOOTH}"
    )


def _statistics(state: Mapping[str, np.ndarray]) -> Look:
    """Batch norm's running statistics, and how many batches they come from where that is stored."""
    fitting = {name: array for name, array in state.items() if 0 < array.size <= LARGEST}
    means = [array for name, array in fitting.items() if name.endswith("running_mean")]
    variances = [array for name, array in fitting.items() if name.endswith("running_var")]
    if not means or not variances:
        return Look("unknown", "")
    counts = [
        int(array.item()) for name, array in fitting.items()
        if name.endswith("num_batches_tracked") and array.size == 1 and array.dtype.kind in "iu"
    ]  # fmt: skip
    # Other programs than torch leave the counters at 0.
    counted = f" ({max(counts):,} batches counted)" if any(counts) else ""
    if all((mean == 0).all() for mean in means) and all((of == 1).all() for of in variances):
        return Look("fresh", f"running statistics of batch norm are still 0 and 1{counted}")
    return Look("trained", f"running statistics of batch norm were measured{counted}")
