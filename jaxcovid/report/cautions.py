"""What a reader should know before believing the figures."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jaxcovid.report import checks, epoch_words, words
from jaxcovid.results import Results

# With fewer images of a class than that, its figures are guesses.
SMALL = 30

# Classes that one line names.
NAMED = 8

# What is in warnings of the data that checks repeat with more numbers.
REPEATED = {"patients": "that score is partly memory", "duplicates": "occur in two splits"}


class Cautions(NamedTuple):
    """Sentences: those that change what may be believed, and others."""

    weighty: list[str]
    others: list[str]


def run_cautions(results: Results) -> Cautions:
    """What a reader should know first; what is of one kind is one sentence.

    Weighty are the run's warnings, random weights, a verdict about validation images, an evaluation
    far below the run's own figures, checks of the data that failed, and classes of the split
    that the verdict is about of which none is recognised or fewer than `SMALL` images are there.
    Others are an epoch chosen by the validation images, unreadable images, such classes of other
    splits, checks that could not be made, and patients that are not known.
    """
    weighty = [*_about_the_run(results), *_far_below_internal(results), *_about_the_data(results)]
    others: list[str] = []
    unknown = []
    for name, measured in results.splits.items():
        if measured.metrics is None or (name == "train" and results.of_own_run):
            continue
        shown = words.split_name(name)
        weighty += [f"{shown}: {caution}" for caution in measured.cautions]
        of_classes = weighty if name == results.main else others
        of_classes += [f"{shown}: {caution}" for caution in _about_classes(measured.metrics)]
        if measured.metrics["patients"] is None:
            unknown.append(shown)
    if _is_flattered(results) and results.main != "validation":
        others.append("validation: these images chose the epoch, which flatters their figures")
    if skipped := results.settings.get("dataset", {}).get("skipped"):
        images = words.counted(len(skipped), "unreadable image")
        others.append(f"{images} left out, such as {skipped[0]}")
    if unknown:
        others.append(
            f"{', '.join(unknown)}: it is not known which images are of one patient, so each "
            "counts as a patient; if some are, the intervals are too narrow (`patients`)"
        )
    return Cautions(weighty, [*others, *_not_made(results)])


def together(*cautions: Cautions) -> list[str]:
    """The weighty ones of all, then the others; none twice."""
    weighty = [sentence for of_one in cautions for sentence in of_one.weighty]
    others = [sentence for of_one in cautions for sentence in of_one.others]
    return [*dict.fromkeys([*weighty, *others])]


def _about_the_run(results: Results) -> Iterator[str]:
    settings = results.settings
    of_data = {} if results.audit is None else results.audit.checks
    failed = [name for name in REPEATED if of_data.get(name, {}).get("passed") is False]
    warnings = [
        warning
        for warning in settings.get("warnings", ())
        if not any(REPEATED[name] in warning for name in failed)
    ]
    yield from warnings
    if settings.get("weights_source") == "random weights" and not any(
        "random" in warning for warning in warnings
    ):
        yield "training started from random weights, not from ImageNet's"
    if results.main == "validation" and results.of_own_run:
        chosen = ", to choose the epoch" if _is_flattered(results) else ""
        yield (
            "the verdict is about the validation images, which also served to watch the training"
            f"{chosen} and to choose thresholds; images kept apart (a test split) would judge more "
            "strictly"
        )


def _is_flattered(results: Results) -> bool:
    """Whether the validation images chose the epoch; of folds they are not shown."""
    several = results.seeds is not None and results.folds is None
    return epoch_words.is_flattered(results.training, results.settings, several)


def _about_the_data(results: Results) -> list[str]:
    return [] if results.audit is None else checks.failures(results.audit.checks)


def _far_below_internal(results: Results) -> Iterator[str]:
    """Where the interval of a figure lies below that which the network's own run reported."""
    internal = results.settings.get("internal") or {}
    metrics = results.splits[results.main].metrics
    if metrics is None:
        return
    below = []
    for name in ("auroc", "balanced_accuracy"):
        before, interval = words.about(internal, name), metrics["intervals"][name]
        ends = None if before is None else words.ends(before)
        if before is None or ends is None or interval is None or interval[1] >= ends[0]:
            continue
        here = words.with_interval(metrics[name], interval)
        below.append(f"{words.OVERALL[name]} {here} against {words.figure(before)}")
    if below:
        own = words.split_name(internal["split"])
        yield f"far below what the network reached on its own {own} images: {'; '.join(below)}"


def _about_classes(metrics: Mapping[str, Any]) -> Iterator[str]:
    classes = metrics["per_class"]
    missed = [name for name, values in classes.items() if values["recall"] == 0]
    if missed:
        named = words.first_of([*map(words.short, missed)], NAMED)
        yield f"not one image is recognised of {_classes(missed)}: {named}"
    few = [name for name, values in classes.items() if values["support"] < SMALL]
    if few:
        hold = "holds" if len(few) == 1 else "hold"
        counts = [f"{words.short(name)} {classes[name]['support']}" for name in few]
        yield (
            f"{_classes(few)} {hold} fewer than {SMALL} images, so what is said of "
            f"{'it' if len(few) == 1 else 'them'} is uncertain: {words.first_of(counts, NAMED)}"
        )


def _classes(names: list[str]) -> str:
    return words.counted(len(names), "class", "classes")


def _not_made(results: Results) -> Iterator[str]:
    if results.audit is None:
        return
    for name, check in results.audit.checks.items():
        if check["passed"] is None:
            yield f"not checked: {checks.name_of(name)} ({checks.outcome(name, check)})"
