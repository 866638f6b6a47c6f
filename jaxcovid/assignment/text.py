"""What the page about all reproduced experiments says in words."""

from collections.abc import Iterator, Sequence

from jaxcovid.assignment.batch_question import points
from jaxcovid.assignment.experiment_results import VARIANTS, Experiment
from jaxcovid.assignment.mistakes import HABITS
from jaxcovid.assignment.tables import every_run, of_matrix, sources
from jaxcovid.report.cautions import SMALL
from jaxcovid.statistics.seed_statistics import Estimate, difference, overlap

SOURCES = {
    "seed": "the assignment's seed solution",
    "task sheet": "the task sheet",
    "sister": "another student's solution",
    "question": "the seed's open question",
}


def summary(experiments: Sequence[Experiment]) -> list[str]:
    """What was run, and what correcting the mistakes changed."""
    outcomes = [each for experiment in experiments for each in experiment.outcomes]
    finished = sum(each.run is not None for each in outcomes)
    diverged = sum(bool(each.diverged) for each in outcomes)
    seeds = len({each.seed for each in outcomes})
    said = [
        f"{_count(len(experiments), 'experiment')} of the assignment with {_count(seeds, 'seed')}: "
        f"{finished} of {_count(len(outcomes), 'run')} finished"
        + (f", {diverged} diverged" if diverged else "")
        + "."
    ]
    changes = [change for each in experiments if (change := correction(each)) is not None]
    if changes:
        better, worse = (sum(getattr(each, way) for each in changes) for way in ("above", "below"))
        said.append(
            f"Correcting the mistakes of the originals made accuracy clearly better in {better} of "
            f"{_count(len(changes), 'experiment')}, clearly worse in {worse}, and in "
            f"{len(changes) - better - worse} it changed nothing that these seeds and images show."
        )
    return said


def correction(experiment: Experiment) -> Estimate | None:
    """Accuracy corrected minus as written, if both were measured with the same seed."""
    corrected, written = (
        {run.seed: run.correct for run in experiment.runs(variant)}
        for variant in ("corrected", "as-written")
    )
    return difference([(1, corrected), (-1, written)])


def how_to_read() -> list[str]:
    """Which interval says what."""
    return [
        "Reported is what the source prints. As written repeats its mistakes on the data here; "
        "corrected is what its author meant.",
        "Measured figures are means over seeds. “Seeds” is Student's 95 % interval of that mean: "
        "what other seeds would give on the same images. A single seed has no spread, so there is "
        "none then.",
        "“Images” is the 95 % interval of the first seed's figure, from its bootstrap: what other "
        "images like these would give. For reported figures it is Wilson's, from their matrix.",
        "Differences are paired by seed and image, and their intervals take in both; images then "
        "count as independent. An interval that holds 0 does not prove two settings alike.",
    ]


def about(experiment: Experiment) -> list[str]:
    """Notes, mistakes, settings, and what correcting changed."""
    said = [f"From {SOURCES[experiment.source]}. {experiment.notes}"]
    said += [f"As written: {HABITS[habit]}." for habit in experiment.habits]
    if experiment.unintended:
        pairs = ", ".join(f"{name} {value}" for name, value in experiment.unintended.items())
        said.append(f"As written, its settings differ: {pairs}.")
    for variant in ("corrected", "as-written"):
        if runs := experiment.runs(variant):
            record = runs[0].settings
            said.append(
                f"Settings {VARIANTS[variant]}: {record['model']}, training {record['trainable']}, "
                f"{record['optimizer']}, learning rate {record['lr']:g}, momentum "
                f"{record['momentum']:g}, batch {record['batch_size']}, "
                f"{_count(record['epochs'], 'epoch')}."
            )
            break
    if experiment.habits or experiment.unintended:
        said.append(_corrected(experiment))
    if experiment.reported is not None:
        said += _against_reported(experiment)
    for each in experiment.outcomes:
        if each.diverged:
            said.append(
                f"{VARIANTS[each.variant].capitalize()}, seed {each.seed}: {each.diverged}."
            )
    return said


def _corrected(experiment: Experiment) -> str:
    change = correction(experiment)
    if change is None:
        return "What correcting changes was not measured: no seed finished both ways."
    verdict = "clear" if change.above or change.below else "not clear"
    intervals = [
        experiment.runs(variant)[0].metrics["intervals"]["accuracy"] for variant in VARIANTS
    ]
    common = overlap(*intervals)
    also = ""
    if common is not None:
        also = f"; the intervals over images {'overlap' if common else 'do not overlap'}"
    return f"Correcting changed accuracy by {points(change)}, which is {verdict}{also}."


def _against_reported(experiment: Experiment) -> Iterator[str]:
    reported = experiment.reported
    assert reported is not None
    for variant, words in VARIANTS.items():
        runs = experiment.runs(variant)
        if reported.confusion is None or not runs:
            continue
        found = of_matrix(reported.confusion)
        assert found.low is not None and found.high is not None
        common = overlap((found.low, found.high), runs[0].metrics["intervals"]["accuracy"])
        if common is not None:
            yield (
                f"The interval of the reported matrix and that {words} (images, first seed) "
                f"{'overlap' if common else 'do not overlap'}."
            )


def cautions(experiments: Sequence[Experiment]) -> list[str]:
    """What a reader should know before believing the figures."""
    runs = every_run(experiments)
    said = []
    if any(run.settings["data"] is None for run in runs):
        said.append("phantoms are drawings: these figures show that the software works, no more")
    if any("random weights" in source for source in sources(runs)):
        said.append(
            "training started from random weights, not from ImageNet's: a frozen part that never "
            "learned anything says nothing about transfer learning"
        )
    said += _other_data(experiments)
    if any(run.settings["limit_train"] is not None for run in runs):
        limit = next(n for run in runs if (n := run.settings["limit_train"]) is not None)
        said.append(f"only {limit} training images were used (--limit-train)")
    if any(run.split == "validation" for run in runs):
        said.append(
            "the figures are of the validation images, as the assignment's are; validation served "
            "to watch the training and is no independent test"
        )
    if any(each.part == 2 for each in experiments):
        said.append(
            "in the assignment, normal images of part 2's validation are in the training images of "
            "part 1, so a network of part 1 must not start part 2 unsaid; here part 2 starts from "
            "the weights named below, the original from another student's part-1 network"
        )
    small = {}
    for experiment in experiments:
        for run in every_run([experiment]):
            for name, each in run.metrics["per_class"].items():
                if each["support"] < SMALL:
                    small[experiment.part, run.split, name] = each["support"]
    said += [
        f"part {part}: {split} holds only {count} image(s) of {name}, so what is said of that "
        "class is uncertain"
        for (part, split, name), count in small.items()
    ]
    if any(run.metrics["patients"] is None for run in runs):
        said.append(
            "it is not known which images are of one patient; if several are, all intervals are "
            "too narrow (--patients)"
        )
    said.append(
        "many experiments are compared: of twenty clear differences one may be chance, even if "
        "nothing differs"
    )
    kept = ("wrong on purpose", "no ImageNet weights")  # said above and below
    warnings = [text for run in runs for text in run.settings["warnings"]]
    return said + [each for each in dict.fromkeys(warnings) if not each.startswith(kept)]


def _other_data(experiments: Sequence[Experiment]) -> Iterator[str]:
    """Where the images are not as many as the assignment's."""
    told = set()
    for each in experiments:
        runs = every_run([each])
        if (
            each.part in told
            or each.reported is None
            or each.reported.confusion is None
            or not runs
        ):
            continue
        told.add(each.part)
        theirs = dict(zip(each.reported.classes, map(sum, each.reported.confusion), strict=True))
        ours = {name: row["support"] for name, row in runs[0].metrics["per_class"].items()}
        if ours != theirs:
            listed = [
                ", ".join(f"{name} {count}" for name, count in counts.items())
                for counts in (ours, theirs)
            ]
            yield (
                f"part {each.part}: the data are not the assignment's ({runs[0].split} here "
                f"{listed[0]}; there {listed[1]}), so its figures need not come out"
            )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
