"""What correcting the mistakes of the originals changed, by several figures."""

from collections.abc import Iterator, Sequence

from jaxcovid.assignment.batch_question import points, signed
from jaxcovid.assignment.finished_runs import VARIANTS, Experiment
from jaxcovid.report.words import OVERALL
from jaxcovid.statistics.seed_statistics import Estimate, difference, overlap

# Accuracy may rise where rare classes are lost, and no one of these tells all.
FIGURES = ("accuracy", "balanced_accuracy", "auroc")


def correction(experiment: Experiment, figure: str = "accuracy") -> Estimate | None:
    """A figure corrected minus as written, if both were measured with the same seed.

    `figure` is one of `FIGURES`.
    """
    corrected, written = (
        {
            run.seed: run.correct if figure == "accuracy" else run.contributions[figure]
            for run in experiment.runs(variant)
            if figure == "accuracy" or figure in run.contributions
        }
        for variant in ("corrected", "as-written")
    )
    return difference([(1, corrected), (-1, written)])


def summed_up(experiments: Sequence[Experiment]) -> Iterator[str]:
    """In how many experiments correcting changed which figure; nothing if none was measured."""
    counts = []
    for figure in FIGURES:
        corrections = [correction(experiment, figure) for experiment in experiments]
        changes = [change for change in corrections if change is not None]
        if changes:
            better = sum(change.above for change in changes)
            worse = sum(change.below for change in changes)
            counts.append(
                f"{OVERALL[figure]} better in {better} and worse in {worse} of {len(changes)} "
                f"experiment{'' if len(changes) == 1 else 's'}"
            )
    if counts:
        yield (
            f"Correcting the mistakes of the originals made clearly: {'; '.join(counts)}. In the "
            "others it changed nothing that these seeds and images show."
        )


def about_correction(experiment: Experiment) -> Iterator[str]:
    """What correcting an experiment changed, and of which figures that is clear."""
    changes = {
        figure: change
        for figure in FIGURES
        if (change := correction(experiment, figure)) is not None
    }
    if "accuracy" not in changes:
        yield "What correcting changes was not measured: no seed finished both ways."
        return
    intervals = [
        experiment.runs(variant)[0].metrics["intervals"]["accuracy"] for variant in VARIANTS
    ]
    common = overlap(*intervals)
    also = ""
    if common is not None:
        also = f"; the intervals over images {'overlap' if common else 'do not overlap'}"
    accuracy = changes.pop("accuracy")
    yield (f"Correcting changed accuracy by {points(accuracy)}, which is {_clear(accuracy)}{also}.")
    for figure, change in changes.items():
        amount = signed(change, "+.3f") if figure == "auroc" else points(change)
        yield f"It changed {OVERALL[figure]} by {amount}, which is {_clear(change)}."


def _clear(change: Estimate) -> str:
    return "clear" if change.above or change.below else "not clear"
