"""The tables of the page about all reproduced experiments."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxcovid.assignment.batch_question import ARMS
from jaxcovid.assignment.experiment_results import VARIANTS, Experiment, Run
from jaxcovid.report.tables import MISSING, Table
from jaxcovid.statistics.seed_statistics import BySeed, Estimate, difference, over_seeds, proportion


def accuracy(members: Sequence[Experiment]) -> Table:
    """Reported, as written and corrected."""

    def reported(each: Experiment) -> Any:
        if each.reported is None:
            return MISSING
        lines = []
        if each.reported.confusion is not None:
            found = of_matrix(each.reported.confusion)
            lines = [
                f"its matrix gives {percent(found.value)}",
                f"images: {_range(found, percent)}",
            ]
        if each.reported.split != "validation":
            lines.append(f"of {each.reported.split} images")
        return cell(f"{100 * each.reported.accuracy:.3g} %", *lines)

    rows = [
        [cell(each.name, each.title), reported(each)]
        + [_measured(each, variant, "accuracy", percent) for variant in VARIANTS]
        for each in members
    ]
    header = ["experiment", "reported", *VARIANTS.values()]
    return {"title": "Accuracy", "caption": "", "header": header, "rows": rows}


def f1(members: Sequence[Experiment]) -> Table:
    """As printed, of the printed matrix, and measured; also as the original computes it."""

    def printed(each: Experiment) -> Any:
        if each.reported is None or each.reported.f1 is None:
            return MISSING
        lines = []
        if each.reported.confusion is not None:
            lines = [f"macro-F1 of its matrix: {macro_f1(each.reported.confusion):.3f}"]
        return cell(f"{each.reported.f1}", *lines)

    def as_written(each: Experiment) -> Any:
        found = _measured(each, "as-written", "macro_f1", "{:.3f}".format)
        runs = each.runs("as-written")
        odd = [run.metrics["f1_of_last_batch"] for run in runs if "f1_of_last_batch" in run.metrics]
        if not odd:
            return found
        original = f"as the original computes it: {', '.join(f'{value:.4f}' for value in odd)}"
        return cell(found["value"], original, *found["lines"])

    rows = [
        [
            cell(each.name, each.title),
            printed(each),
            as_written(each),
            _measured(each, "corrected", "macro_f1", "{:.3f}".format),
        ]
        for each in members
    ]
    header = ["experiment", "reported (as printed)", "as written", "corrected"]
    return {"title": "Macro-F1", "caption": "", "header": header, "rows": rows}


def question(members: Mapping[str, Sequence[Run]], right: Mapping[str, BySeed]) -> Table:
    """The arms of the question about batch 60, each against batch 8."""

    def row(arm: str, words: str) -> list[Any]:
        runs = members.get(arm, ())
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


def all_runs(members: Sequence[Experiment]) -> Table:
    """Every planned run, with a link to its page."""

    def row(experiment: Experiment, number: int) -> list[Any]:
        each = experiment.outcomes[number]
        name = f"{experiment.name}, {VARIANTS[each.variant]}, seed {each.seed}"
        if each.run is None:
            state = f"diverged: {each.diverged}" if each.diverged else "not finished"
            return [name, state, MISSING, MISSING, MISSING]
        run = each.run
        seconds = sum(epoch["seconds"] for epoch in run.history)
        return [
            {"value": name, "lines": [], "link": f"{each.folder}/report.html"},
            f"finished, {run.split}",
            percent(run.metrics["accuracy"]),
            MISSING if run.metrics["macro_f1"] is None else f"{run.metrics['macro_f1']:.3f}",
            f"{seconds / 60:.1f}",
        ]

    return {
        "title": "All runs",
        "caption": "",
        "header": ["run", "state", "accuracy", "macro-F1", "minutes of training"],
        "rows": [row(each, number) for each in members for number in range(len(each.outcomes))],
    }


def settings(flags: Mapping[str, Any], members: Sequence[Experiment]) -> list[Table]:
    """The flags, and what of data and surroundings the runs recorded."""
    shown = {name: MISSING if value in (None, [], ()) else value for name, value in flags.items()}
    tables = [_pairs("Flags", shown)]
    for part in (1, 2):
        if found := every_run([each for each in members if each.part == part]):
            record = found[0].settings
            counts = {
                f"{split} images": ", ".join(f"{name} {count}" for name, count in images.items())
                for split, images in record["dataset"]["images"].items()
            }
            about = {"name": record["dataset"]["name"], **counts}
            about |= {"fingerprint": record["data_fingerprint"]}
            about |= {"weights at the start": ", ".join(sources(found))}
            tables.append(_pairs(f"Data of part {part}", about))
    if found := every_run(members):
        record = found[0].settings
        tables.append(_pairs("Versions and device", record["versions"] | record["device"]))
    return tables


def _pairs(title: str, pairs: Mapping[str, Any]) -> Table:
    rows = [
        [name, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)]
        for name, value in pairs.items()
    ]
    return {"title": title, "caption": "", "header": ["name", "value"], "rows": rows}


def every_run(members: Sequence[Experiment]) -> list[Run]:
    """All that are finished."""
    return [each.run for member in members for each in member.outcomes if each.run is not None]


def sources(found: Sequence[Run]) -> list[str]:
    """Where their weights came from, each once."""
    return sorted({run.settings["weights_source"] for run in found})


def cell(value: str, *lines: str) -> dict[str, Any]:
    """A figure over what is to be said of it."""
    return {"value": value, "lines": list(lines), "link": ""}


def percent(share: float) -> str:
    """As 84.3 %."""
    return f"{100 * share:.1f} %"


def summed(found: Sequence[Run]) -> list[list[int]]:
    """The confusion matrix of all seeds together."""
    return np.sum([run.metrics["confusion_matrix"] for run in found], 0).tolist()


def of_matrix(confusion: Sequence[Sequence[int]]) -> Estimate:
    """The accuracy of a confusion matrix with its interval."""
    counts = np.array(confusion)
    return proportion(int(np.trace(counts)), int(counts.sum()))


def macro_f1(confusion: Sequence[Sequence[int]]) -> float:
    """Of a confusion matrix."""
    counts = np.array(confusion)
    return float(np.mean(2 * np.diag(counts) / np.maximum(counts.sum(0) + counts.sum(1), 1)))


def _measured(each: Experiment, variant: str, key: str, shown: Any) -> dict[str, Any]:
    planned, runs = each.planned(variant), each.runs(variant)
    found = _over(runs, key, shown)
    diverged = sum(bool(o.diverged) for o in each.outcomes if o.variant == variant)
    if diverged:
        found["lines"].append(f"{diverged} of {planned} diverged")
    if left := planned - diverged - len(runs):
        found["lines"].append(f"{left} of {planned} not finished")
    return found


def _over(found: Sequence[Run], key: str, shown: Any) -> dict[str, Any]:
    """The mean over seeds with both intervals."""
    known = [run for run in found if run.metrics[key] is not None]
    if not known:
        return cell(MISSING)
    mean = over_seeds([run.metrics[key] for run in known])
    if mean.low is None:
        seeds = "seeds: no spread from one"
    else:
        seeds = f"seeds: {_range(mean, shown)} ({len(known)})"
    ends = known[0].metrics["intervals"][key]
    images = f"images: {shown(ends[0])} to {shown(ends[1])}" if ends else "images: no interval"
    return cell(shown(mean.value), seeds, images)


def _range(estimate: Estimate, shown: Any) -> str:
    return f"{shown(estimate.low)} to {shown(estimate.high)}"
