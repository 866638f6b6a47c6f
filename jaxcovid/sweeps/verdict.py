"""What is said of a sweep: which setting is best, how clearly, and what that leaves out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jaxcovid.report.estimates import interval_words
from jaxcovid.statistics.seed_statistics import Estimate
from jaxcovid.sweeps.comparison import CONSTANT, Comparison, Setting
from jaxcovid.sweeps.grid import Grid, setting_name
from jaxcovid.sweeps.metric import WORDS, majority
from jaxcovid.sweeps.outcome import Outcome

# A setting is clearly worse than the best where p is below.
LEVEL = 0.05

# So many settings that are not compared are named, more are counted.
NAMED = 3


def sweep_verdict(comparison: Comparison, images: Mapping[str, int]) -> str:
    """Which setting is best by the figure that was chosen, and how clearly, in a few sentences.

    `images` is the number of validation images by class. Beside the best stands what always saying
    the commonest class gets. A setting that answers one class only is never called the best.
    """
    if comparison.best is None:
        return "Every member diverged; lower `lr` or add `warmup_epochs`."
    best = comparison.settings[comparison.best]
    if best.is_constant:
        answers = [answer for setting in comparison.settings for answer in setting.only_answers]
        return (
            "Nothing was learned: every member that did not diverge answers one class for all "
            f"validation images ({_quoted(answers)})."
        )
    sentences = [
        f"{_beginning(comparison, best)}{_figure(comparison, best)}"
        f"{_beside_the_majority(comparison, best, images)}.",
        *_how_clearly(comparison, best),
        *_answers_of_the_best(best),
        *_left_out(comparison),
    ]
    return " ".join(sentences)


def _beginning(comparison: Comparison, best: Setting) -> str:
    words = WORDS[comparison.metric]
    compared = len(comparison.compared)
    name = setting_name(best.values, varied_names(comparison.settings))
    if compared == 1:
        return f"On the validation images {name} has this {words}: "
    lower = " (lower is better)" if comparison.metric == "loss" else ""
    return (
        f"By {words}{lower} on the validation images, {name} is the best of {compared} settings: "
    )


def _figure(comparison: Comparison, best: Setting) -> str:
    estimate = best.figures[comparison.metric]
    assert estimate is not None
    value, count = f"{estimate.value:.3f}", len(best.whole)
    if count == 1:
        return f"{value} with one seed"
    within = interval_words(estimate, three_digits)
    kind = "no interval:" if estimate.low is None else "95 % interval"
    return f"{value} on average over {count} seeds ({kind} {within})"


def _beside_the_majority(comparison: Comparison, best: Setting, images: Mapping[str, int]) -> str:
    always = majority(comparison.metric, images)
    estimate = best.figures[always.metric]
    if estimate is None:
        return ""
    beside = f"always saying “{always.answer}” gets {always.value:.3f}"
    if always.metric != comparison.metric:
        beside = f"its {WORDS[always.metric]} is {estimate.value:.3f}, and {beside}"
    if round(estimate.value, 3) <= round(always.value, 3):
        beside += ", so nothing is gained over that"
    return f"; {beside}"


def _how_clearly(comparison: Comparison, best: Setting) -> Iterator[str]:
    others = [setting for setting in comparison.compared if setting is not best]
    if not others:
        return
    tested = [setting.p_value for setting in others if setting.p_value is not None]
    if not tested:
        yield "How sure that is cannot be said."
        return
    worse = sum(p_value < LEVEL for p_value in tested)
    if worse == len(others):
        yield f"It is clearly better than {'the other' if worse == 1 else 'every other'}."
    elif worse:
        yield f"It is clearly better than {worse} of the {len(others)} others."
    else:
        yield f"It is not clearly better than {'the other' if len(others) == 1 else 'any other'}."


def _answers_of_the_best(best: Setting) -> Iterator[str]:
    if best.only_answers:
        yield (
            f"But {len(best.only_answers)} of its {len(best.whole)} seeds answered one class for "
            f"all validation images ({_quoted(best.only_answers)})."
        )


def _left_out(comparison: Comparison) -> Iterator[str]:
    left_out = [setting for setting in comparison.settings if setting.left_out]
    varied = varied_names(comparison.settings)
    if len(left_out) > NAMED:
        counts = {
            reason: sum(setting.left_out == reason for setting in left_out)
            for reason in dict.fromkeys(setting.left_out for setting in left_out)
        }
        listed = ", ".join(f"{reason}: {count}" for reason, count in counts.items())
        yield f"Not compared are {len(left_out)} settings ({listed})."
    elif left_out:
        listed = "; ".join(
            f"{setting_name(setting.values, varied)} ({_reason(setting)})" for setting in left_out
        )
        yield f"Not compared: {listed}."


def _reason(setting: Setting) -> str:
    if setting.left_out == CONSTANT:
        return f"answers one class only, {_quoted(setting.only_answers)}"
    return setting.left_out


def _quoted(names: Sequence[str]) -> str:
    return " or ".join(f"“{name}”" for name in dict.fromkeys(names))


def notes(comparison: Comparison, grid: Grid, shared_views: bool) -> list[str]:
    """How to read the table of settings, and what intervals and p leave out.

    `shared_views` says whether all members train on the same augmented views of the images.
    """
    if grid.seeds == 1:
        return ["One seed tells nothing of the spread between seeds: give 3 `seeds` or more."]
    leave_out = [
        "Intervals and p are about other seeds, not about other patients: of a setting's figure on "
        "new images, the report of the best member tells more."
    ]
    if shared_views:
        leave_out.append(
            "They also leave out what other augmentation would change: all members, of every seed, "
            "train on the same augmented views of the images."
        )
    return [
        *_reasons(comparison),
        *leave_out,
        "p: how probable a difference as large is between the best and the worst of as many "
        "settings that are all alike, by runs of the same seed (Tukey's studentised range; never "
        "below the paired test of the two). It allows for the best being chosen on the same runs: "
        "if all settings were alike, in spread too, a p below 0.05 would turn up in at most 5 % of "
        "sweeps. Missing where all differences are alike.",
    ]


# What is meant by the reasons of `over_seeds`.
REASONS = {
    "all seeds alike": "every seed gives the same value, which leaves no spread to make an "
    "interval of; other seeds may differ",
    "seeds too far apart": "the interval would reach from 0 to 1 and say nothing; more seeds would "
    "narrow it",
}


def _reasons(comparison: Comparison) -> list[str]:
    estimates: list[Estimate] = [
        estimate
        for setting in comparison.settings
        for estimate in setting.figures.values()
        if estimate is not None
    ]
    given = {estimate.reason for estimate in estimates}
    return [f"“{reason}”: {meaning}." for reason, meaning in REASONS.items() if reason in given]


def cautions(
    comparison: Comparison, outcomes: Sequence[Outcome], record: Mapping[str, Any]
) -> list[str]:
    """What a reader should know before believing the figures; `record` is what sweep.json holds."""
    sentences = list(record["warnings"])
    if len(comparison.settings) > 1:
        sentences.append(
            f"the best of {len(outcomes)} members was chosen on the validation images, which "
            "therefore flatter it; images kept apart (a test split) would judge more strictly"
        )
    if record.get("select", "last") == "best" and record["epochs"] > 1:
        sentences.append(
            "every member is measured after its epoch of lowest validation loss, so its validation "
            "figures are of a chosen epoch"
        )
    if constant := [outcome.place for outcome in outcomes if outcome.only_answer]:
        sentences.append(
            f"{len(constant)} member(s) answer one class for all validation images: "
            f"{_first(constant)}"
        )
    if fallen := [outcome.place for outcome in outcomes if outcome.diverged]:
        sentences.append(f"{len(fallen)} member(s) diverged and count in no mean: {_first(fallen)}")
    return sentences


def varied_names(settings: Sequence[Setting]) -> list[str]:
    """The names of the values in which settings differ."""
    first = settings[0].values
    return [name for name in first if len({setting.values[name] for setting in settings}) > 1]


def three_digits(value: float) -> str:
    """A figure as tables and sentences show it."""
    return f"{value:.3f}"


def _first(places: Sequence[int]) -> str:
    return f"{', '.join(map(str, places[:20]))}{', ...' if len(places) > 20 else ''}"
