"""The tables of the page about all reproduced experiments."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from jaxcovid.assignment.batch_question import ARMS
from jaxcovid.assignment.finished_runs import VARIANTS, Experiment, Outcome, Run
from jaxcovid.report.tables import MISSING, Table
from jaxcovid.statistics.seed_statistics import BySeed, Estimate, difference, over_seeds, proportion

# A value over lines about it, perhaps a link.
Cell = dict[str, Any]

# A number as text.
Format = Callable[[float], str]


def accuracy(experiments: Sequence[Experiment]) -> Table:
    """Accuracy as reported, measured as written, and measured corrected."""
    rows = [
        [cell(experiment.name, experiment.preset.title), _reported_accuracy(experiment)]
        + [_measured(experiment, variant, "accuracy", percent) for variant in VARIANTS]
        for experiment in experiments
    ]
    header = ["experiment", "reported", *VARIANTS.values()]
    return {"title": "Accuracy", "caption": "", "header": header, "rows": rows}


def _reported_accuracy(experiment: Experiment) -> Cell | str:
    reported = experiment.preset.reported
    if reported is None:
        return MISSING
    lines = []
    if reported.confusion is not None:
        estimate = accuracy_of_matrix(reported.confusion)
        lines = [
            f"its matrix gives {percent(estimate.value)}",
            f"images: {_range(estimate, percent)}",
        ]
    if reported.split != "validation":
        lines.append(f"of {reported.split} images")
    return cell(f"{100 * reported.accuracy:.3g} %", *lines)


def f1(experiments: Sequence[Experiment]) -> Table:
    """Macro-F1 as printed, of the printed matrix, as the original computes it, and measured."""
    rows = [
        [
            cell(experiment.name, experiment.preset.title),
            _reported_f1(experiment),
            _f1_as_written(experiment),
            _measured(experiment, "corrected", "macro_f1", "{:.3f}".format),
        ]
        for experiment in experiments
    ]
    header = ["experiment", "reported (as printed)", "as written", "corrected"]
    return {"title": "Macro-F1", "caption": "", "header": header, "rows": rows}


def _reported_f1(experiment: Experiment) -> Cell | str:
    reported = experiment.preset.reported
    if reported is None or reported.f1 is None:
        return MISSING
    lines = []
    if reported.confusion is not None:
        lines = [f"macro-F1 of its matrix: {macro_f1(reported.confusion):.3f}"]
    return cell(f"{reported.f1}", *lines)


def _f1_as_written(experiment: Experiment) -> Cell:
    measured = _measured(experiment, "as-written", "macro_f1", "{:.3f}".format)
    values = [
        run.metrics["f1_of_last_batch"]
        for run in experiment.runs("as-written")
        if "f1_of_last_batch" in run.metrics
    ]
    if not values:
        return measured
    original = f"as the original computes it: {', '.join(f'{value:.4f}' for value in values)}"
    return cell(measured["value"], original, *measured["lines"])


def question(runs_by_arm: Mapping[str, Sequence[Run]], right: Mapping[str, BySeed]) -> Table:
    """The arms of the question about batch 60, each against batch 8.

    `right` gives by arm and seed which images are classified right.
    """

    def row(arm: str, words: str) -> list[Any]:
        runs = runs_by_arm.get(arm, ())
        if not runs:
            return [words, *[MISSING] * 4]
        run = runs[0]
        base = "batch_8_as_written" if arm.endswith("as_written") else "batch_8"
        against = None
        if arm != base and base in right:
            against = difference([(1, right[arm]), (-1, right[base])])
        return [
            words,
            f"{run.settings['lr']:g}",
            f"{int(run.history[-1]['step']):,}" if run.history else MISSING,
            _over(runs, "accuracy", percent),
            MISSING
            if against is None
            else cell(
                f"{100 * against.value:+.1f}", _range(against, lambda share: f"{100 * share:+.1f}")
            ),
        ]

    return {
        "title": "The settings compared",
        "caption": "Differences are in percentage points to batch 8, of those as written to batch "
        "8 as written; their intervals take in seeds and images.",
        "header": ["setting", "learning rate", "updates", "accuracy", "difference"],
        "rows": [row(*arm) for arm in ARMS.items()],
    }


def all_runs(experiments: Sequence[Experiment]) -> Table:
    """Every planned run, with a link to its page."""
    return {
        "title": "All runs",
        "caption": "",
        "header": ["run", "state", "accuracy", "macro-F1", "minutes of training"],
        "rows": [
            _row_of_run(experiment, outcome)
            for experiment in experiments
            for outcome in experiment.outcomes
        ],
    }


def _row_of_run(experiment: Experiment, outcome: Outcome) -> list[Any]:
    name = f"{experiment.name}, {VARIANTS[outcome.variant]}, seed {outcome.seed}"
    if outcome.run is None:
        state = f"diverged: {outcome.diverged}" if outcome.diverged else "not finished"
        return [name, state, MISSING, MISSING, MISSING]
    run = outcome.run
    seconds = sum(epoch["seconds"] for epoch in run.history)
    return [
        {"value": name, "lines": [], "link": f"{outcome.folder}/report.html"},
        f"finished, {run.split}",
        percent(run.metrics["accuracy"]),
        MISSING if run.metrics["macro_f1"] is None else f"{run.metrics['macro_f1']:.3f}",
        f"{seconds / 60:.1f}",
    ]


def settings(flags: Mapping[str, Any], experiments: Sequence[Experiment]) -> list[Table]:
    """The flags, and what of data and surroundings the runs recorded."""
    values = {name: MISSING if value in (None, [], ()) else value for name, value in flags.items()}
    tables = [_pairs("Flags", values)]
    for part in (1, 2):
        members = [experiment for experiment in experiments if experiment.preset.part == part]
        if runs := every_run(members):
            record = runs[0].settings
            counts = {
                f"{split} images": ", ".join(f"{name} {count}" for name, count in images.items())
                for split, images in record["dataset"]["images"].items()
            }
            about = {"name": record["dataset"]["name"], **counts}
            about |= {"fingerprint": record["data_fingerprint"]}
            about |= {"weights at the start": ", ".join(sources(runs))}
            tables.append(_pairs(f"Data of part {part}", about))
    if runs := every_run(experiments):
        record = runs[0].settings
        tables.append(_pairs("Versions and device", record["versions"] | record["device"]))
    return tables


def _pairs(title: str, pairs: Mapping[str, Any]) -> Table:
    rows = [
        [name, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)]
        for name, value in pairs.items()
    ]
    return {"title": title, "caption": "", "header": ["name", "value"], "rows": rows}


def every_run(experiments: Sequence[Experiment]) -> list[Run]:
    """All finished runs of the experiments."""
    outcomes = [outcome for experiment in experiments for outcome in experiment.outcomes]
    return [outcome.run for outcome in outcomes if outcome.run is not None]


def sources(runs: Sequence[Run]) -> list[str]:
    """Where the weights of the runs came from, without repetition."""
    return sorted({run.settings["weights_source"] for run in runs})


def cell(value: str, *lines: str) -> Cell:
    """A figure over lines about it."""
    return {"value": value, "lines": list(lines), "link": ""}


def percent(share: float) -> str:
    """A share from 0 to 1 such as "84.3 %"."""
    return f"{100 * share:.1f} %"


def summed_confusion(runs: Sequence[Run]) -> list[list[int]]:
    """The confusion matrix of all seeds together; rows are true classes."""
    return np.sum([run.metrics["confusion_matrix"] for run in runs], 0).tolist()


def accuracy_of_matrix(confusion: Sequence[Sequence[int]]) -> Estimate:
    """The accuracy of a confusion matrix with its 95 % interval (Wilson's)."""
    counts = np.array(confusion)
    return proportion(int(np.trace(counts)), int(counts.sum()))


def macro_f1(confusion: Sequence[Sequence[int]]) -> float:
    """Macro-F1 of a confusion matrix whose rows are true classes."""
    counts = np.array(confusion)
    return float(np.mean(2 * np.diag(counts) / np.maximum(counts.sum(0) + counts.sum(1), 1)))


def _measured(experiment: Experiment, variant: str, metric: str, form: Format) -> Cell:
    """The metric of a variant over seeds, and how many of its runs have none."""
    planned, runs = experiment.planned(variant), experiment.runs(variant)
    measured = _over(runs, metric, form)
    diverged = sum(
        bool(outcome.diverged) for outcome in experiment.outcomes if outcome.variant == variant
    )
    if diverged:
        measured["lines"].append(f"{diverged} of {planned} diverged")
    if left := planned - diverged - len(runs):
        measured["lines"].append(f"{left} of {planned} not finished")
    return measured


def _over(runs: Sequence[Run], metric: str, form: Format) -> Cell:
    """The mean of a metric over seeds with both intervals."""
    known = [run for run in runs if run.metrics[metric] is not None]
    if not known:
        return cell(MISSING)
    mean = over_seeds([run.metrics[metric] for run in known])
    if mean.low is None:
        seeds = "seeds: no spread from one"
    else:
        seeds = f"seeds: {_range(mean, form)} ({len(known)})"
    ends = known[0].metrics["intervals"][metric]
    images = f"images: {form(ends[0])} to {form(ends[1])}" if ends else "images: no interval"
    return cell(form(mean.value), seeds, images)


def _range(estimate: Estimate, form: Format) -> str:
    assert estimate.low is not None and estimate.high is not None
    return f"{form(estimate.low)} to {form(estimate.high)}"
