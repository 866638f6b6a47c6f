"""What the page about all reproduced experiments says in words."""

from collections.abc import Iterator, Sequence

from jaxcovid.assignment.corrections import about_correction, summed_up
from jaxcovid.assignment.finished_runs import VARIANTS, Experiment, Run, only_answer
from jaxcovid.assignment.mistakes import MISTAKES
from jaxcovid.assignment.preset import Reported
from jaxcovid.assignment.tables import accuracy_of_matrix, every_run, sources
from jaxcovid.report.cautions import SMALL
from jaxcovid.statistics.seed_statistics import overlap

SOURCES = {
    "seed": "the assignment's seed solution",
    "task sheet": "the task sheet",
    "sister": "another student's solution",
    "question": "the seed's open question",
}


def summary(experiments: Sequence[Experiment]) -> list[str]:
    """Sentences on what was run, and what correcting the mistakes changed."""
    outcomes = [outcome for experiment in experiments for outcome in experiment.outcomes]
    finished = sum(outcome.run is not None for outcome in outcomes)
    diverged = sum(bool(outcome.diverged) for outcome in outcomes)
    seeds = len({outcome.seed for outcome in outcomes})
    sentences = [
        f"{_count(len(experiments), 'experiment')} of the assignment with {_count(seeds, 'seed')}: "
        f"{finished} of {_count(len(outcomes), 'run')} finished"
        + (f", {diverged} diverged" if diverged else "")
        + "."
    ]
    return [*sentences, *summed_up(experiments), *_constant_experiments(experiments)]


def _constant_experiments(experiments: Sequence[Experiment]) -> Iterator[str]:
    """How many runs learned nothing, which no average of figures may hide."""
    constant = sum(bool(run.only_answer) for run in every_run(experiments))
    if constant:
        yield (
            f"{_count(constant, 'finished run')} {'answers' if constant == 1 else 'answer'} one "
            "class for every image; each is named below."
        )


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
        "Where all seeds give the same, or a few differ so much that an interval over them would "
        "leave nothing out, that is said in its place.",
        "Curves as written hold what the original drew under these names: the mistakes of each "
        "experiment say what its loss and accuracy are. They do not compare with corrected ones.",
        "Accuracy may rise while a rare class is lost, so balanced accuracy (the mean of the "
        "classes' sensitivities) and macro AUROC stand beside it.",
        "Differences are paired by seed and image, and their intervals take in both; images then "
        "count as independent. An interval that holds 0 does not prove two settings alike.",
    ]


def about(experiment: Experiment) -> list[str]:
    """Sentences on an experiment: notes, mistakes, settings, and what correcting changed."""
    preset = experiment.preset
    sentences = [f"From {SOURCES[preset.source]}. {preset.notes}"]
    sentences += [f"As written: {MISTAKES[mistake]}." for mistake in preset.mistakes]
    if preset.as_run:
        pairs = ", ".join(f"{name} {value}" for name, value in preset.as_run.items())
        sentences.append(f"As written, its settings differ: {pairs}.")
    for variant in ("corrected", "as-written"):
        if runs := experiment.runs(variant):
            record = runs[0].settings
            sentences.append(
                f"Settings {VARIANTS[variant]}: {record['model']}, training {record['trainable']}, "
                f"{record['optimizer']}, learning rate {record['lr']:g}, momentum "
                f"{record['momentum']:g}, batch {record['batch_size']}, "
                f"{_count(record['epochs'], 'epoch')}."
            )
            break
    if preset.mistakes or preset.as_run:
        sentences += about_correction(experiment)
    if preset.reported is not None:
        sentences += _against_reported(experiment, preset.reported)
    sentences += _constant_answers(experiment)
    sentences += [
        f"{VARIANTS[outcome.variant].capitalize()}, seed {outcome.seed}: {outcome.diverged}."
        for outcome in experiment.outcomes
        if outcome.diverged
    ]
    return sentences


def _constant_answers(experiment: Experiment) -> Iterator[str]:
    """Where a confusion matrix holds one class alone: its accuracy is that class's share."""
    reported = experiment.preset.reported
    if reported is not None and reported.confusion is not None:
        answer = only_answer(reported.confusion, reported.classes)
        if answer:
            yield f"The reported matrix is of a network that answers “{answer}” for every image."
    for variant, words in VARIANTS.items():
        runs = experiment.runs(variant)
        answers = [run.only_answer for run in runs if run.only_answer]
        if answers:
            listed = " or ".join(f"“{answer}”" for answer in dict.fromkeys(answers))
            yield (
                f"{words.capitalize()}, {len(answers)} of {_count(len(runs), 'run')} "
                f"{'answers' if len(answers) == 1 else 'answer'} {listed} for every image: "
                "accuracy is then only the share of that class."
            )


def _against_reported(experiment: Experiment, reported: Reported) -> Iterator[str]:
    if reported.confusion is None:
        return
    estimate = accuracy_of_matrix(reported.confusion)
    assert estimate.low is not None and estimate.high is not None
    for variant, words in VARIANTS.items():
        runs = experiment.runs(variant)
        if not runs:
            continue
        interval = runs[0].metrics["intervals"]["accuracy"]
        common = overlap((estimate.low, estimate.high), interval)
        if common is not None:
            yield (
                f"The interval of the reported matrix and that {words} (images, first seed) "
                f"{'overlap' if common else 'do not overlap'}."
            )


def cautions(experiments: Sequence[Experiment]) -> list[str]:
    """What a reader should know before believing the figures."""
    runs = every_run(experiments)
    warnings = dict.fromkeys(text for run in runs for text in run.settings["warnings"])
    repeated = ("wrong on purpose", "no ImageNet weights")  # said in other words
    return [
        *_about_the_start(runs),
        *_other_data(experiments),
        *_about_the_splits(runs, any(experiment.preset.part == 2 for experiment in experiments)),
        *_small_classes(experiments),
        *_about_the_statistics(runs),
        *(text for text in warnings if not text.startswith(repeated)),
    ]


def _about_the_start(runs: Sequence[Run]) -> Iterator[str]:
    if any(run.settings["data"] is None for run in runs):
        yield "phantoms are drawings: these figures show that the software works, no more"
    if any("random weights" in source for source in sources(runs)):
        yield (
            "training started from random weights, not from ImageNet's: a frozen part that never "
            "learned anything says nothing about transfer learning"
        )


def _about_the_splits(runs: Sequence[Run], has_part_2: bool) -> Iterator[str]:
    limits = [run.settings["limit_train"] for run in runs]
    limit = next((limit for limit in limits if limit is not None), None)
    if limit is not None:
        yield f"only {limit} training images were used (--limit-train)"
    if any(run.split == "validation" for run in runs):
        yield (
            "the figures are of the validation images, as the assignment's are; validation served "
            "to watch the training and is no independent test"
        )
    if has_part_2:
        yield (
            "in the assignment, normal images of part 2's validation are in the training images of "
            "part 1, so a network of part 1 must not start part 2 unsaid; here part 2 starts from "
            "the weights named below, the original from another student's part-1 network"
        )


def _small_classes(experiments: Sequence[Experiment]) -> Iterator[str]:
    counts = {
        (experiment.preset.part, run.split, name): figures["support"]
        for experiment in experiments
        for run in every_run([experiment])
        for name, figures in run.metrics["per_class"].items()
        if figures["support"] < SMALL
    }
    for (part, split, name), count in counts.items():
        yield (
            f"part {part}: {split} holds only {count} image(s) of {name}, so what is said of that "
            "class is uncertain"
        )


def _about_the_statistics(runs: Sequence[Run]) -> Iterator[str]:
    if any(run.metrics["patients"] is None for run in runs):
        yield (
            "it is not known which images are of one patient; if several are, all intervals are "
            "too narrow (--patients)"
        )
    yield (
        "many experiments are compared: of twenty clear differences one may be chance, even if "
        "nothing differs"
    )


def _other_data(experiments: Sequence[Experiment]) -> Iterator[str]:
    """Where the images are not as many as the assignment's; of each part the first that tells."""
    parts = set()
    for experiment in experiments:
        part, reported = experiment.preset.part, experiment.preset.reported
        runs = every_run([experiment])
        if part in parts or reported is None or reported.confusion is None or not runs:
            continue
        parts.add(part)
        theirs = dict(zip(reported.classes, map(sum, reported.confusion), strict=True))
        ours = {name: row["support"] for name, row in runs[0].metrics["per_class"].items()}
        if ours != theirs:
            listed = [
                ", ".join(f"{name} {count}" for name, count in counts.items())
                for counts in (ours, theirs)
            ]
            yield (
                f"part {part}: the data are not the assignment's ({runs[0].split} here "
                f"{listed[0]}; there {listed[1]}), so its figures need not come out"
            )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
