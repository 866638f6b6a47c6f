"""What a sweep leaves: tables of its settings and members, pictures, a page."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxcovid.report import DISCLAIMER, charts, text
from jaxcovid.report.pictures import Picture, chart_picture
from jaxcovid.report.settings_tables import flag_tables
from jaxcovid.report.templates import template
from jaxcovid.results import Epoch
from jaxcovid.runs import files
from jaxcovid.sweeps.comparison import Comparison, compare_settings
from jaxcovid.sweeps.grid import Grid, setting_name
from jaxcovid.sweeps.metric import WORDS
from jaxcovid.sweeps.outcome import Outcome, best_outcome
from jaxcovid.sweeps.tables import (
    member_rows,
    members_table,
    on_terminal,
    settings_rows,
    settings_table,
)
from jaxcovid.sweeps.verdict import cautions, notes, sweep_verdict
from jaxcovid.training.evaluation import Bar


def write_sweep_page(
    folder: Path,
    grid: Grid,
    outcomes: Sequence[Outcome],
    record: Mapping[str, Any],
    bar: Bar = lambda items, **_: items,
    shared_views: bool = True,
) -> str:
    """Writes settings.csv, members.csv, histories.csv, plots/ and, last, report.html.

    `record` is what sweep.json holds. `shared_views` says whether all members train on the same
    augmented views. Returns what the terminal is to show: settings with their figures, the verdict,
    where the results lie. Raises OSError.
    """
    comparison = compare_settings(grid, outcomes, record["metric"])
    files.write_csv(folder / "settings.csv", *settings_rows(comparison.settings))
    files.write_csv(folder / "members.csv", *member_rows(comparison.settings, record["seed"]))
    rows = ([outcome.place, *epoch] for outcome in outcomes for epoch in outcome.history)
    files.write_csv(folder / "histories.csv", ["member", *Epoch._fields], rows)
    pictures = sweep_pictures(grid, comparison)
    drawings = dict(bar(pictures, desc="Drawing", unit="picture", delay=0.5))
    (folder / "plots").mkdir(exist_ok=True)
    for name, picture in drawings.items():
        files.write_bytes(folder / "plots" / f"{name}.png", picture.content)
    page = sweep_page(comparison, record, drawings, notes(comparison, grid, shared_views))
    files.write_bytes(folder / "report.html", page.encode())
    verdict = sweep_verdict(comparison, _validation_images(record))
    return "\n".join(["", *on_terminal(comparison), "", verdict, text.results_note(folder)])


def sweep_page(
    comparison: Comparison,
    record: Mapping[str, Any],
    pictures: Mapping[str, Picture],
    remarks: Sequence[str],
) -> str:
    """The HTML of a sweep: one file that needs no other but for the link to its best member.

    `record` is what sweep.json holds, `pictures` are those of `sweep_pictures` by their names, and
    `remarks` stand below the table of settings.
    """
    outcomes = [outcome for setting in comparison.settings for outcome in setting.outcomes]
    return template("sweep.html", "jaxcovid.sweeps").render(
        title=f"{record['model']}, training {record['trainable']}, on {record['dataset']['name']}: "
        f"a sweep of {len(outcomes)} members",
        verdict=sweep_verdict(comparison, _validation_images(record)),
        disclaimer=DISCLAIMER,
        best=best_outcome(outcomes, comparison.metric) is not None,
        settings_table=settings_table(comparison),
        notes=remarks,
        metric=WORDS[comparison.metric],
        members_table=members_table(comparison.settings, record["seed"]),
        cautions=cautions(comparison, outcomes, record),
        record=list(flag_tables(record)),
        pictures=pictures,
    )


def sweep_pictures(grid: Grid, comparison: Comparison) -> Iterator[tuple[str, Picture]]:
    """Charts of the chosen validation figure against every varied setting, after their names."""
    metric, figure_name = comparison.metric, WORDS[comparison.metric]
    for name in grid.varied:
        others = [other for other in grid.varied if other != name]
        lines: dict[str, list[tuple[float, list[float]]]] = {}
        for setting in comparison.settings:
            values = [outcome.validation(metric) for outcome in setting.whole]
            known = [value for value in values if value is not None]
            lines.setdefault(setting_name(setting.values, others) if others else "", []).append(
                (setting.values[name], known)
            )
        words = name.replace("_", " ")
        figure = charts.setting_chart(
            lines, words, f"Validation {figure_name}, a dot for each seed", figure_name,
            highest=float("inf") if metric == "loss" else 1,
        )  # fmt: skip
        course = "; ".join(
            f"{label + ': ' if label else ''}"
            + ", ".join(f"{value:g} {np.mean(known):.3f}" for value, known in points if known)
            for label, points in lines.items()
        )
        yield (
            f"{metric}_by_{name}",
            chart_picture(figure, f"Mean validation {figure_name} by {words}: {course}"),
        )


def _validation_images(record: Mapping[str, Any]) -> dict[str, int]:
    """The number of validation images by class, of what sweep.json holds."""
    counts = record["dataset"]["images"]["validation"]
    return {name: counts[name] for name in record["dataset"]["classes"]}
