"""The tables of a sweep: of its settings and of its members, for the page, the terminal, CSV."""

from collections.abc import Sequence
from typing import Any

from jaxcovid.report.estimates import interval_words
from jaxcovid.report.tables import MISSING, Table
from jaxcovid.report.words import p_number
from jaxcovid.statistics.seed_statistics import Estimate
from jaxcovid.sweeps.comparison import Comparison, Setting
from jaxcovid.sweeps.grid import setting_name
from jaxcovid.sweeps.metric import WORDS
from jaxcovid.sweeps.outcome import FIGURES
from jaxcovid.sweeps.verdict import three_digits, varied_names


def settings_table(comparison: Comparison) -> Table:
    """The settings with their figures, each over its interval or why there is none."""
    varied = varied_names(comparison.settings)
    rows = []
    for place, setting in enumerate(comparison.settings):
        fallen = len(setting.outcomes) - len(setting.whole)
        cells = [_cell(estimate) for estimate in setting.figures.values()]
        p_value = "best" if place == comparison.best else _p_value(setting)
        name = setting_name(setting.values, varied)
        rows.append([name, len(setting.whole), fallen, *cells, p_value])
    return {
        "title": "Settings",
        "caption": f"Judged by {WORDS[comparison.metric]}. Validation images; means over seeds "
        "with their 95 % intervals (Student).",
        "header": ["setting", "seeds", "diverged", *WORDS.values(), "p against the best"],
        "rows": rows,
    }


def members_table(settings: Sequence[Setting], seed: int) -> Table:
    """Every member with its figures; `seed` is that of the first of each setting."""
    header, rows = member_rows(settings, seed)
    rounded = [[f"{cell:.4g}" if isinstance(cell, float) else cell for cell in row] for row in rows]
    return {
        "title": "Members",
        "caption": "Each as it is after the epoch in the last column; also in members.csv, every "
        "epoch in histories.csv.",
        "header": [name.replace("_", " ") for name in header],
        "rows": rounded,
    }


def settings_rows(settings: Sequence[Setting]) -> tuple[list[str], list[list[Any]]]:
    """The header and the lines of settings.csv; what is missing is empty."""
    header = [*settings[0].values, "seeds", "diverged"]
    for name in WORDS:
        header += [name, f"{name}_low", f"{name}_high"]
    rows = []
    for setting in settings:
        numbers = [
            "" if number is None else number
            for estimate in setting.figures.values()
            for number in ((None,) * 3 if estimate is None else estimate[:3])
        ]
        counts = [len(setting.whole), len(setting.outcomes) - len(setting.whole)]
        p_value = "" if setting.p_value is None else setting.p_value
        rows.append([*setting.values.values(), *counts, *numbers, p_value])
    return [*header, "p_against_best"], rows


def member_rows(settings: Sequence[Setting], seed: int) -> tuple[list[str], list[list[Any]]]:
    """The header and the lines of members.csv; `seed` is that of the first of each setting."""
    outcomes = [outcome for setting in settings for outcome in setting.outcomes]
    splits = [
        split
        for split in ("validation", "test")
        if any(split in outcome.figures for outcome in outcomes)
    ]
    columns = [(split, name) for split in splits for name in FIGURES]
    header = ["member", *settings[0].values, "seed", "diverged_in_epoch", "validation_loss"]
    rows = []
    for setting in settings:
        for number, outcome in enumerate(setting.outcomes):
            values = [
                outcome.validation("loss"),
                *(outcome.figures.get(split, {}).get(name) for split, name in columns),
                None if outcome.answers is None else len(outcome.answers),
                None if outcome.diverged else outcome.measured.epoch,
            ]
            rows.append(
                [
                    outcome.place,
                    *setting.values.values(),
                    seed + number,
                    outcome.diverged or "",
                    *("" if value is None else value for value in values),
                ]
            )
    names = [f"{split}_{name}" for split, name in columns]
    return [*header, *names, "classes_answered", "measured_epoch"], rows


def on_terminal(comparison: Comparison) -> list[str]:
    """The lines of the table of settings."""
    table = settings_table(comparison)
    lines = [table["header"], *([_as_text(cell) for cell in row] for row in table["rows"])]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def _cell(estimate: Estimate | None) -> dict[str, str]:
    if estimate is None:
        return {"value": MISSING, "interval": ""}
    return {
        "value": three_digits(estimate.value),
        "interval": interval_words(estimate, three_digits),
    }


def _p_value(setting: Setting) -> str:
    if setting.p_value is None:
        return setting.left_out or MISSING
    return p_number(setting.p_value)


def _as_text(cell: Any) -> str:
    if not isinstance(cell, dict):
        return str(cell)
    return f"{cell['value']} ({cell['interval']})" if cell["interval"] else cell["value"]
