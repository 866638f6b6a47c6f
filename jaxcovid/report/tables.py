"""The tables of a report, as header and rows of text."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from jaxcovid.inference.network_folders import folds_in
from jaxcovid.report import words
from jaxcovid.report.points import reached_points
from jaxcovid.report.text import NORMS
from jaxcovid.report.words import OVERALL, PER_CLASS
from jaxcovid.results import ORDER, Measured, MeasuredFindings, Results, Training
from jaxcovid.statistics.findings import OF_FINDING

# Title, caption, header and rows, for the page to lay out.
Table = dict[str, Any]

AT_POINTS = {
    "threshold_90": "threshold for 90 % specificity",
    "sensitivity_at_90": "sensitivity there (90 %)",
    "specificity_at_90": "specificity there (90 %)",
    "threshold_95": "threshold for 95 % specificity",
    "sensitivity_at_95": "sensitivity there (95 %)",
    "specificity_at_95": "specificity there (95 %)",
}

MISSING = "—"

AnySplit = TypeVar("AnySplit", Measured, MeasuredFindings)


def overall_table(labelled: Mapping[str, Measured]) -> Table:
    """Figures over all classes with their intervals, a column for every labelled split."""

    def row(key: str, name: str) -> list[Any]:
        return [
            name,
            *(
                cell(split.metrics[key], split.metrics["intervals"][key])
                for split in labelled.values()
                if split.metrics is not None
            ),
        ]

    return {
        "caption": "",
        "title": "All classes together (macro: each counts the same)",
        "header": ["figure", *map(_column, labelled, labelled.values())],
        "rows": [row(key, name) for key, name in OVERALL.items()],
    }


def sensitivity_table(results: Results) -> Table | None:
    """Sensitivity and specificity of each class on the main split; None if nothing is measured."""
    metrics = results.splits[results.main].metrics
    if metrics is None:
        return None
    intervals = metrics["intervals"]["per_class"]
    return {
        "title": f"Each class against the others: {words.split_name(results.main)}",
        "caption": "",
        "header": ["class", "images", "sensitivity", "specificity"],
        "rows": [
            [name, values["support"],
             *(cell(values[key], intervals[name].get(key)) for key in ("recall", "specificity"))]
            for name, values in metrics["per_class"].items()
        ],
    }  # fmt: skip


def class_tables(results: Results, labelled: Mapping[str, Measured]) -> list[Table]:
    """Figures of each class against the others, and at fixed specificities; of every split.

    Where classes imply others, the split's table of findings comes before. Figures that no class of
    the split has are left out.
    """
    # Intervals below figures where more would not fit beside another table.
    stacked = {"stacked": True} if len(results.classes) > 2 else {}
    tables = []
    for split, measured in labelled.items():
        tables += _findings(split, measured)
        tables.append(
            {
                "title": f"Each class against the others: {words.split_name(split)}",
                "caption": "",
                "header": ["figure", *results.classes],
                "rows": list(_class_rows(measured, PER_CLASS)),
                **stacked,
            }
        )
        if asked := points_table(results, split):
            tables.append(asked)
        is_chosen_here = split == "validation" and results.of_own_run
        note = ": on these very images, so what it gives is a little too good" * is_chosen_here
        at_points = {
            "title": f"At thresholds for 90 and 95 % specificity: {words.split_name(split)}",
            "caption": f"Thresholds were fixed on {_fixed_on(results)}{note}.",
            "header": ["figure", *results.classes],
            "rows": list(_class_rows(measured, AT_POINTS)),
            **stacked,
        }
        tables += [at_points] if at_points["rows"] else []
    return tables


def _fixed_on(results: Results) -> str:
    """On which images thresholds were fixed."""
    if results.folds is not None:
        return "the validation images of each fold, so each has its own"
    if folds_in(results.settings.get("run") or {}) is not None:
        return "all images of the run, by what the folds' networks said of those that they left out"
    return "the run's validation images"


def points_table(results: Results, split: str) -> Table | None:
    """What is reached at the operating points that were asked for; None without them."""
    rows = [
        [
            words.short(point.name), point.asked, cell(point.threshold, None, ".6g"),
            cell(point.sensitivity, point.of_sensitivity),
            cell(point.specificity, point.of_specificity),
        ]
        for point in reached_points(results.splits[split].metrics)
    ]  # fmt: skip
    if not rows:
        return None
    here = split == "validation" and results.of_own_run
    note = ", these very ones, so what it gives is a little too good" * here
    return {
        "title": f"Operating points: {words.split_name(split)}",
        "caption": f"Thresholds were fixed on {_fixed_on(results)}{note}.",
        "header": ["class", "asked for", "threshold", "sensitivity", "specificity"],
        "rows": rows,
    }


def _class_rows(measured: Measured, names: Mapping[str, str]) -> Iterator[list[Any]]:
    assert measured.metrics is not None
    classes = measured.metrics["per_class"]
    intervals = measured.metrics["intervals"]["per_class"]
    for key, name in names.items():
        if key == "support":
            yield [name, *(values[key] for values in classes.values())]
        elif any(values[key] is not None for values in classes.values()):
            yield [
                name,
                *(
                    cell(values[key], intervals[label].get(key))
                    for label, values in classes.items()
                ),
            ]


def _findings(split: str, measured: Measured) -> Iterator[Table]:
    """Where classes imply others: each output by itself, at a probability of one half."""
    assert measured.metrics is not None
    findings = measured.metrics.get("findings")
    if findings is None:
        return
    by_name, intervals = findings["per_finding"], findings["intervals"]
    exact = cell(findings["exact_match"], intervals["exact_match"])
    rows: list[list[Any]] = [["images", *(values["support"] for values in by_name.values())]]
    for key in OF_FINDING:
        cells = (
            cell(values[key], intervals["per_finding"][name][key])
            for name, values in by_name.items()
        )
        rows.append([PER_CLASS[key], *cells])
    yield {
        "title": f"Each finding by itself: {split}",
        "caption": "Outputs above one half count as found. All findings of an image are right in "
        f"{exact['value']} ({exact['interval']}) of the images.",
        "header": ["figure", *by_name],
        "rows": rows,
    }


def difference_table(compared: Mapping[str, Any]) -> Table:
    """Figures of two networks on the same images, their differences, and p of each.

    `compared` is what `statistics.compare` found of them; figures without a difference are left
    out.
    """
    rows = [
        [
            difference_name(name),
            *(f"{row[side]:.3f}" for side in ("first", "second")),
            {
                "value": f"{row['difference']:+.3f}",
                "interval": _range(row["interval"]) if row["interval"] else "",
            },
            p_words(row["p_value"]),
        ]
        for name, row in compared["differences"].items()
        if row["difference"] is not None
    ]
    return {
        "title": "Differences",
        "caption": "Paired: both networks on the same images, in every resample.",
        "header": ["figure", "first", "second", "difference", "p"],
        "rows": rows,
    }


def plan_table(training: Training) -> Table:
    """What trained in each block of the network, how many parameters, which statistics."""
    return {
        "caption": "",
        "title": "Plan",
        "header": ["block", "state", "parameters", "trainable", "batch norm"],
        "rows": [
            [
                row.block,
                row.state,
                f"{row.parameters:,}",
                f"{row.trainable:,}" if row.trainable else MISSING,
                NORMS[row.batch_norm] or MISSING,
            ]
            for row in training.plan
        ],
    }


def misclassified_table(labelled: Mapping[str, Measured]) -> Table:
    """Every labelled image whose likeliest class is not the true one; `of` is how many there are.

    Splits that played the least part in training come first, in each the most confidently wrong.
    Probabilities in the rows are numbers from 0 to 1, for the page to format and to sort by.
    `places` are the split and the place in it of each row.
    """
    rows, places = [], []
    for name, split in in_order(labelled).items():
        assert split.metrics is not None
        classes = list(split.metrics["per_class"])
        predicted = split.probabilities.argmax(1)
        wrong = np.flatnonzero(predicted != split.labels)
        wrong = wrong[np.argsort(-split.probabilities[wrong].max(1), kind="stable")]
        for place in map(int, wrong):
            row, label = split.probabilities[place], split.labels[place]
            rows.append(
                [
                    words.split_name(name),
                    split.paths[place],
                    classes[label],
                    classes[predicted[place]],
                    float(row.max()),
                    float(row[label]),
                ]
            )
            places.append((name, place))
    return {
        "header": ["split", "file", "true", "predicted", "its probability", "that of the true"],
        "rows": rows,
        "places": places,
        "of": sum(len(split.labels) for split in labelled.values()),
    }


def in_order(splits: Mapping[str, AnySplit]) -> dict[str, AnySplit]:
    """Splits in the order of `ORDER`: first those that played the least part in training."""
    names = [*(name for name in ORDER if name in splits), *splits]
    return {name: splits[name] for name in names}


def cell(
    value: float | None, interval: Sequence[float] | None, form: str = ".3f"
) -> dict[str, str]:
    """A cell with a figure and its interval, both to three digits; a dash if undefined."""
    if value is None:
        return {"value": MISSING, "interval": ""}
    return {"value": format(value, form), "interval": _range(interval) if interval else ""}


def figure_cell(figure: Mapping[str, Any] | None, form: str = ".3f") -> dict[str, str]:
    """The same of a figure as audits give it: value, low and high."""
    if figure is None:
        return cell(None, None)
    return cell(figure["value"], words.ends(figure), form)


def p_words(p_value: float | None) -> str:
    """A p-value to three digits, "< 0.001" below, a dash if there is none."""
    if p_value is None:
        return MISSING
    return words.p_number(p_value)


def difference_name(name: str) -> str:
    """What a figure of `statistics.compare` is called, such as "sensitivity of normal"."""
    figure, of, label = name.partition(" of ")
    names = PER_CLASS if of else OVERALL
    return f"{names.get(figure, figure.replace('_', ' '))}{of}{label}"


def _range(interval: Sequence[float]) -> str:
    low, high = interval
    return f"{low:.3f} to {high:.3f}"


def _column(name: str, measured: Measured) -> str:
    metrics = measured.metrics
    assert metrics is not None
    patients = "" if metrics["patients"] is None else f" of {metrics['patients']} patients"
    return f"{words.split_name(name)} ({metrics['examples']} images{patients})"
