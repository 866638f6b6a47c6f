"""Why did ResNet18 get worse at batch 60? What the measured differences of accuracy say of it."""

from collections.abc import Mapping
from typing import NamedTuple

from jaxcovid.report.estimates import ALIKE
from jaxcovid.statistics.seed_statistics import BySeed, Estimate, difference

# What was run, by the name of the arm, in words.
ARMS = {
    "batch_8": "batch 8",
    "batch_60": "batch 60, all else equal",
    "scaled_lr": "batch 60, learning rate 7.5 times higher",
    "as_many_steps": "batch 60, as many updates as at batch 8",
    "batch_8_as_written": "batch 8 as written, with batch statistics",
    "batch_60_as_written": "batch 60 as written, with batch statistics",
}


class Remedy(NamedTuple):
    """What a change at batch 60 gains over none, and what is then left to batch 8."""

    gain: Estimate
    left: Estimate


class Differences(NamedTuple):
    """Differences of accuracy between the arms; None for what was not measured."""

    seeds: int
    larger_batch: Estimate | None = None
    """Batch 60 minus batch 8."""
    scaled_lr: Remedy | None = None
    as_many_steps: Remedy | None = None
    as_written: Estimate | None = None
    """Batch 60 minus batch 8, both as written."""
    added: Estimate | None = None
    """`as_written` minus `larger_batch`."""
    learned: Estimate | None = None
    """Batch 8 minus always naming the most frequent class."""


def arm_differences(arms: Mapping[str, BySeed], most_frequent: float) -> Differences:
    """What differs between those arms that were measured.

    `arms` gives by their names in ARMS and by seed which images are classified right, and
    `most_frequent` is the share of the most frequent class.
    """

    def minus(one: str, other: str) -> Estimate | None:
        return difference([(1, arms.get(one, {})), (-1, arms.get(other, {}))])

    def remedy(arm: str) -> Remedy | None:
        gain, left = minus(arm, "batch_60"), minus(arm, "batch_8")
        return None if gain is None or left is None else Remedy(gain, left)

    alone = difference([(1, arms.get("batch_8", {}))])
    signs = ("batch_60_as_written", 1), ("batch_8_as_written", -1), ("batch_60", -1), ("batch_8", 1)
    return Differences(
        len(set(arms.get("batch_8", ())) & set(arms.get("batch_60", ()))),
        minus("batch_60", "batch_8"),
        remedy("scaled_lr"),
        remedy("as_many_steps"),
        minus("batch_60_as_written", "batch_8_as_written"),
        difference([(sign, arms.get(arm, {})) for arm, sign in signs]),
        _minus(alone, most_frequent),
    )


def _minus(estimate: Estimate | None, known: float) -> Estimate | None:
    if estimate is None or estimate.low is None or estimate.high is None:
        return None
    return Estimate(estimate.value - known, estimate.low - known, estimate.high - known)


def answer(measured: Differences) -> list[str]:
    """Sentences, the first of which is the answer; it claims only what an interval bears out."""
    batch = measured.larger_batch
    if batch is None:
        return [
            "The question cannot be answered here: batch 8 and batch 60 were not both measured "
            "with the same seed."
        ]
    sentences = [
        f"With corrected settings, batch 60 instead of 8 changes accuracy by {points(batch)}."
    ]
    if measured.learned is not None and not measured.learned.above:
        sentences.insert(
            0,
            "The question cannot be answered here: batch 8 itself is not clearly better than "
            "always naming the most frequent class, so there is nothing to lose.",
        )
    elif batch.below:
        sentences = [_cause(measured), *sentences, *_remedies(measured)]
    elif batch.above:
        sentences.insert(0, "The opposite was measured: batch 60 is clearly better than batch 8.")
    else:
        sentences = [_not_worse(measured), *sentences]
        assert batch.low is not None
        if batch.low < 0:
            sentences.append(
                f"The interval leaves room for a loss of up to {-100 * batch.low:.1f} points; more "
                "seeds and images would narrow it."
            )
    sentences += _batch_statistics(measured)
    if measured.seeds == 1:
        sentences.append(
            "Only one seed was run, so these intervals are about other images alone: another seed "
            "might say otherwise."
        )
    return sentences


def _cause(measured: Differences) -> str:
    lr, steps = (_effect(remedy) for remedy in (measured.scaled_lr, measured.as_many_steps))
    helps = "cures", "eases"
    worse = "Batch 60 is clearly worse than batch 8"
    if lr in helps and steps in helps:
        cause = (
            "because it makes 7.5 times fewer updates of the same size: larger ones make up for "
            "it, and so do as many"
        )
    elif steps in helps:
        cause = "because it makes 7.5 times fewer updates: as many make up for it"
        cause += "; that larger ones do was not shown" if lr else ""
    elif lr in helps:
        cause = "because its few updates are too small: larger ones make up for it"
        cause += "; that as many do was not shown" if steps else ""
    elif lr in ("fails", "harms") and steps in ("fails", "harms"):
        return (
            f"{worse}, and neither larger nor as many updates make up for it: the cause is another."
        )
    else:
        return f"{worse}, but what was measured does not tell why."
    if all(effect == "eases" for effect in (lr, steps) if effect in helps):
        cause += ", though only in part"
    return f"{worse}, {cause}."


def _not_worse(measured: Differences) -> str:
    start = "Batch 60 is not clearly worse than batch 8 with corrected settings"
    written = measured.as_written
    if written is None or not written.below:
        also = "" if written is None else ", nor is it as written"
        return f"{start}{also}: what the seed saw does not show here, so no cause can be named."
    if measured.added is not None and measured.added.below:
        return (
            f"{start}, but clearly so as written: it is the statistics of the batches, in training "
            "and evaluation, that go wrong at batch 60."
        )
    return (
        f"{start}, but it is as written. That speaks for the statistics of the batches, yet the "
        "two differences are too alike to be sure."
    )


def _remedies(measured: Differences) -> list[str]:
    endings = {
        "cures": "batch 60 is then no longer clearly worse than batch 8",
        "eases": "batch 60 stays clearly worse than batch 8",
        "fails": "batch 60 stays clearly worse, so this does not explain it",
        "harms": "it gets clearly worse, so this does not explain it",
        "unclear": "this neither clearly helps nor clearly fails",
    }
    sentences = []
    for change, remedy in (
        ("A learning rate scaled with the batch", measured.scaled_lr),
        ("As many updates as at batch 8", measured.as_many_steps),
    ):
        if remedy is None:
            sentences.append(f"{change}: not measured.")
        else:
            sentences.append(
                f"{change} changes accuracy at batch 60 by {points(remedy.gain)} and leaves "
                f"{points(remedy.left)} to batch 8: {endings[_effect(remedy)]}."
            )
    return sentences


def _effect(remedy: Remedy | None) -> str:
    """What a remedy does, as a word; "" if it was not measured.

    Of one that cures it is only known that no clear difference to batch 8 is left.
    """
    if remedy is None:
        return ""
    if remedy.gain.above:
        return "eases" if remedy.left.below else "cures"
    if remedy.gain.below:
        return "harms"
    return "fails" if remedy.left.below else "unclear"


def _batch_statistics(measured: Differences) -> list[str]:
    written, added = measured.as_written, measured.added
    if written is None or added is None:
        return ["How batch 60 does as written, with batch statistics, was not measured."]
    sentence = f"As written, with batch statistics, the change is {points(written)}."
    if added.below or added.above:
        size = points(added, sign=False)
        direction = "worse" if added.below else "better"
        return [sentence, f"Batch statistics make the change clearly {direction}, by {size}."]
    unclear = f"Whether batch statistics add to it is not clear: it would be {points(added)}."
    return [sentence, unclear]


def points(estimate: Estimate, sign: bool = True) -> str:
    """A difference in percentage points, with its interval; without sign its size alone."""
    scaled = [
        None if number is None else 100 * number
        for number in (estimate.value, estimate.low, estimate.high)
    ]
    value, low, high = scaled
    assert value is not None
    if not sign and value < 0:
        value, low, high = -value, high and -high, low and -low
    return signed(Estimate(value, low, high), "+.1f" if sign else ".1f", " percentage points")


def signed(estimate: Estimate, form: str, unit: str = "") -> str:
    """A difference in that format, with its interval if there is one."""
    value = f"{estimate.value:{form}}{unit}"
    if estimate.low is None or estimate.high is None:
        return value
    low, high = f"{estimate.low:{form}}", f"{estimate.high:{form}}"
    if low == high:
        return f"{value} (no interval: {ALIKE})"
    return f"{value} (95 % interval {low} to {high})"
