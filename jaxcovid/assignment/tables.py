"""The tables of the page about all reproduced experiments."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from jaxcovid.assignment.batch_question import ARMS
from jaxcovid.assignment.finished_runs import VARIANTS, Experiment, Outcome, Run, only_answer
from jaxcovid.report.estimates import interval_words
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
            f"images: {interval_words(estimate, percent)}",
        ]
        if answer := only_answer(reported.confusion, reported.classes):
            lines.append(f"answers “{answer}” only")
    if reported.split != "validation":
        lines.append(f"of {reported.split} images")
    return cell(f"{100 * reported.accuracy:.3g} %", *lines)


def balanced_accuracy(experiments: Sequence[Experiment]) -> Table:
    """Balanced accuracy of the printed matrix, measured as written, and measured corrected."""

    def reported(experiment: Experiment) -> str:
        figures = experiment.preset.reported
        if figures is None or figures.confusion is None:
            return MISSING
        return percent(balanced_accuracy_of_matrix(figures.confusion))

    return _beside_accuracy(experiments, "balanced_accuracy", percent, reported)


def auroc(experiments: Sequence[Experiment]) -> Table:
    """Macro AUROC, measured as written and corrected; none of the sources prints it."""
    return _beside_accuracy(experiments, "auroc", "{:.3f}".format, lambda _: MISSING)


def _beside_accuracy(
    experiments: Sequence[Experiment],
    metric: str,
    form: Format,
    reported: Callable[[Experiment], str],
) -> Table:
    titles = {"balanced_accuracy": "Balanced accuracy", "auroc": "Macro AUROC"}
    first = "its matrix gives" if metric == "balanced_accuracy" else "reported"
    rows = [
        [cell(experiment.name, experiment.preset.title), reported(experiment)]
        + [_measured(experiment, variant, metric, form) for variant in VARIANTS]
        for experiment in experiments
    ]
    header = ["experiment", first, *VARIANTS.values()]
    return {"title": titles[metric], "caption": "", "header": header, "rows": rows}


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
        run.metrics[name]
        for run in experiment.runs("as-written")
        for name in ("f1_of_last_batch", "f1_over_batches")
        if name in run.metrics
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
            return [words, *[MISSING] * 5]
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
            _over(runs, "balanced_accuracy", percent),
            MISSING
            if against is None
            else cell(
                f"{100 * against.value:+.1f}",
                interval_words(against, lambda share: f"{100 * share:+.1f}"),
            ),
        ]

    return {
        "title": "The settings compared",
        "caption": "Differences are of accuracy, in percentage points to batch 8, of those as "
        "written to batch 8 as written; their intervals take in seeds and images.",
        "header": [
            "setting",
            "learning rate",
            "updates",
            "accuracy",
            "balanced accuracy",
            "difference",
        ],
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


def balanced_accuracy_of_matrix(confusion: Sequence[Sequence[int]]) -> float:
    """The mean recall of a confusion matrix whose rows are true classes, all of which occur."""
    counts = np.array(confusion)
    return float(np.mean(np.diag(counts) / counts.sum(1)))


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
    known = [run for run in runs if run.metrics.get(metric) is not None]
    if not known:
        return cell(MISSING)
    mean = over_seeds([run.metrics[metric] for run in known])
    within = interval_words(mean, form)
    seeds = f"no interval ({within})" if mean.low is None else f"{within} ({len(known)})"
    return cell(
        form(mean.value),
        f"seeds: {seeds}",
        f"images: {_over_images(known[0], metric, form)}",
        *(f"{count} answer “{name}” only" for name, count in _constant(runs, metric).items()),
    )


def _over_images(run: Run, metric: str, form: Format) -> str:
    ends = run.metrics["intervals"].get(metric)
    if ends is None:
        reason = run.metrics.get("undefined", {}).get(f"intervals.{metric}", "")
        return f"no interval{f' ({reason})' if reason else ''}"
    within = interval_words(Estimate(run.metrics[metric], *ends), form)
    nothing_left_out = f"{form(0)} to {form(1)}"
    return "no interval (too few images)" if within == nothing_left_out else within


def _constant(runs: Sequence[Run], metric: str) -> dict[str, int]:
    """How many runs answer a class for every image, beside accuracy, by the class."""
    answers = [run.only_answer for run in runs if run.only_answer and metric == "accuracy"]
    return {name: answers.count(name) for name in dict.fromkeys(answers)}
