"""What a sweep leaves: tables of its settings and members, pictures, a page."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxcovid.report import DISCLAIMER, charts, text
from jaxcovid.report.pictures import Picture, chart_picture
from jaxcovid.report.settings_tables import flag_tables
from jaxcovid.report.tables import MISSING
from jaxcovid.report.templates import template
from jaxcovid.results import Epoch
from jaxcovid.runs import files
from jaxcovid.statistics.paired_tests import holm, paired_t_test
from jaxcovid.statistics.seed_statistics import Estimate, over_seeds
from jaxcovid.sweeps.grid import Grid, setting_name
from jaxcovid.sweeps.outcome import FIGURES, Outcome, best_outcome
from jaxcovid.training.evaluation import Bar


class Setting(NamedTuple):
    """One combination of values, and how its seeds did on the validation images.

    `figures` are estimates over seeds by the names of `FIGURES`.
    """

    values: Mapping[str, float]
    outcomes: Sequence[Outcome]
    # None if no seed has it.
    figures: Mapping[str, Estimate | None]
    # Holm's value of the paired test of its accuracy against the best setting's.
    p_value: float | None = None

    @property
    def whole(self) -> list[Outcome]:
        """The outcomes of the seeds that did not diverge."""
        return [outcome for outcome in self.outcomes if not outcome.diverged]


def write_sweep_page(
    folder: Path,
    grid: Grid,
    outcomes: Sequence[Outcome],
    record: Mapping[str, Any],
    bar: Bar = lambda items, **_: items,
) -> str:
    """Writes settings.csv, members.csv, histories.csv, plots/ and, last, report.html.

    `record` is what sweep.json holds. Returns what the terminal is to show: settings with their
    figures, the verdict, where the results lie. Raises OSError.
    """
    settings = compare_settings(grid, outcomes)
    files.write_csv(folder / "settings.csv", *_settings_rows(settings))
    files.write_csv(folder / "members.csv", *_member_rows(settings, record["seed"]))
    rows = ([outcome.place, *epoch] for outcome in outcomes for epoch in outcome.history)
    files.write_csv(folder / "histories.csv", ["member", *Epoch._fields], rows)
    drawings = dict(bar(sweep_pictures(grid, settings), desc="Drawing", unit="picture", delay=0.5))
    (folder / "plots").mkdir(exist_ok=True)
    for name, picture in drawings.items():
        files.write_bytes(folder / "plots" / f"{name}.png", picture.content)
    files.write_bytes(folder / "report.html", sweep_page(grid, settings, record, drawings).encode())
    return "\n".join(
        ["", *_on_terminal(settings), "", sweep_verdict(settings), text.results_note(folder)]
    )


def compare_settings(grid: Grid, outcomes: Sequence[Outcome]) -> list[Setting]:
    """The settings with their means over seeds, and Holm's p of each against the best of them.

    `outcomes` are of all members, in any order.
    """
    ordered = sorted(outcomes, key=lambda outcome: outcome.place)
    settings = []
    for number, values in enumerate(grid.settings):
        of_seeds = ordered[number * grid.seeds : (number + 1) * grid.seeds]
        known = {
            name: [
                value
                for outcome in of_seeds
                if (value := outcome.figures.get("validation", {}).get(name)) is not None
            ]
            for name in FIGURES
        }
        estimates = {
            name: over_seeds(of_figure) if of_figure else None for name, of_figure in known.items()
        }
        settings.append(Setting(values, of_seeds, estimates))
    best = best_setting(settings)
    if best is None:
        return settings
    p_values = {
        number: p_value
        for number, setting in enumerate(settings)
        if setting is not best and (p_value := _test(setting, best)) is not None
    }
    adjusted = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    return [setting._replace(p_value=adjusted.get(n)) for n, setting in enumerate(settings)]


def best_setting(settings: Sequence[Setting]) -> Setting | None:
    """The setting of the highest mean accuracy; None if every member diverged.

    Settings of which a seed diverged are considered only if there are no others.
    """
    known = [setting for setting in settings if setting.figures["accuracy"] is not None]
    known = [setting for setting in known if len(setting.whole) == len(setting.outcomes)] or known

    def accuracy(setting: Setting) -> float:
        estimate = setting.figures["accuracy"]
        assert estimate is not None
        return estimate.value

    return max(known, key=accuracy, default=None)


def sweep_verdict(settings: Sequence[Setting]) -> str:
    """Which setting is best, with its accuracy in percent, and how clearly, in a sentence or two.

    It is clearly better than another where the paired test between them gives p below 0.05.
    """
    best = best_setting(settings)
    if best is None:
        return "Every member diverged; lower `lr` or add `warmup_epochs`."
    accuracy = best.figures["accuracy"]
    assert accuracy is not None
    varied = _varied(settings)
    sentence = (
        f"On average over {len(best.whole)} seed(s), {setting_name(best.values, varied)} "
        f"classifies {_percent(accuracy)} of the validation images right"
    )
    others = [setting for setting in settings if setting is not best]
    if not others:
        return f"{sentence}."
    tested = [setting for setting in others if setting.p_value is not None]
    if not tested:
        return f"{sentence}, the most of {len(settings)} settings; how sure that is cannot be said."
    worse = sum(setting.p_value is not None and setting.p_value < 0.05 for setting in tested)
    clearly = f"clearly more than {worse} of the {len(others)} others"
    if worse in (0, len(others)):
        clearly = f"{'clearly' if worse else 'but not clearly'} more than any other"
    return f"{sentence}, the most of {len(settings)} settings, {clearly}."


def sweep_page(
    grid: Grid,
    settings: Sequence[Setting],
    record: Mapping[str, Any],
    pictures: Mapping[str, Picture],
) -> str:
    """The HTML of a sweep: one file that needs no other but for the link to its best member.

    `record` is what sweep.json holds, `pictures` are those of `sweep_pictures` by their names.
    """
    outcomes = [outcome for setting in settings for outcome in setting.outcomes]
    return template("sweep.html", "jaxcovid.sweeps").render(
        title=f"{record['model']}, training {record['trainable']}, on {record['dataset']['name']}: "
        f"a sweep of {len(outcomes)} members",
        verdict=sweep_verdict(settings),
        disclaimer=DISCLAIMER,
        best=best_outcome(outcomes) is not None,
        settings_table=_settings_table(settings),
        notes=_notes(grid),
        members_table=_members_table(settings, record["seed"]),
        cautions=_cautions(settings, outcomes, record),
        record=list(flag_tables(record)),
        pictures=pictures,
    )


def sweep_pictures(grid: Grid, settings: Sequence[Setting]) -> Iterator[tuple[str, Picture]]:
    """Charts of validation accuracy (0 to 1) against every varied setting, after their names."""
    for name in grid.varied:
        others = [other for other in grid.varied if other != name]
        lines: dict[str, list[tuple[float, list[float]]]] = {}
        for setting in settings:
            accuracies = [outcome.figures["validation"]["accuracy"] for outcome in setting.whole]
            known = [accuracy for accuracy in accuracies if accuracy is not None]
            lines.setdefault(setting_name(setting.values, others) if others else "", []).append(
                (setting.values[name], known)
            )
        words = name.replace("_", " ")
        figure = charts.setting_chart(lines, words, "Validation accuracy, a dot for each seed")
        course = "; ".join(
            f"{label + ': ' if label else ''}"
            + ", ".join(f"{value:g} {np.mean(known):.3f}" for value, known in points if known)
            for label, points in lines.items()
        )
        yield (
            f"accuracy_by_{name}",
            chart_picture(figure, f"Mean validation accuracy by {words}: {course}"),
        )


def _test(setting: Setting, best: Setting) -> float | None:
    """The p-value of two settings' paired test, over the seeds that diverged in neither."""
    pairs = [
        (one.figures["validation"]["accuracy"], other.figures["validation"]["accuracy"])
        for one, other in zip(setting.outcomes, best.outcomes, strict=True)
        if not (one.diverged or other.diverged)
    ]
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    return paired_t_test(*zip(*known, strict=True)) if known else None


def _varied(settings: Sequence[Setting]) -> list[str]:
    first = settings[0].values
    return [name for name in first if len({setting.values[name] for setting in settings}) > 1]


def _settings_table(settings: Sequence[Setting]) -> dict[str, Any]:
    varied = _varied(settings)
    rows = []
    for setting in settings:
        cells = [
            {"value": MISSING, "interval": ""}
            if estimate is None
            else {"value": f"{estimate.value:.3f}", "interval": _within(estimate)}
            for estimate in setting.figures.values()
        ]
        p_value = MISSING
        if setting.p_value is not None:
            p_value = "<0.001" if setting.p_value < 0.001 else f"{setting.p_value:.3f}"
        fallen = len(setting.outcomes) - len(setting.whole)
        rows.append(
            [setting_name(setting.values, varied), len(setting.whole), fallen, *cells, p_value]
        )
    return {
        "title": "Settings",
        "caption": "Validation images; means over seeds with their 95 % intervals (Student).",
        "header": ["setting", "seeds", "diverged", *FIGURES.values(), "p against the best"],
        "rows": rows,
    }


def _members_table(settings: Sequence[Setting], seed: int) -> dict[str, Any]:
    header, rows = _member_rows(settings, seed)
    rounded = [[f"{cell:.4g}" if isinstance(cell, float) else cell for cell in row] for row in rows]
    return {
        "title": "Members",
        "caption": "Each as it is after its last epoch; also in members.csv and histories.csv.",
        "header": header,
        "rows": rounded,
    }


def _settings_rows(settings: Sequence[Setting]) -> tuple[list[str], list[list[Any]]]:
    varied = list(settings[0].values)
    header = [*varied, "seeds", "diverged"]
    for name in FIGURES:
        header += [name, f"{name}_low", f"{name}_high"]
    rows = []
    for setting in settings:
        estimates = [estimate or Estimate(float("nan")) for estimate in setting.figures.values()]
        numbers = ["" if value is None or np.isnan(value) else value
                   for estimate in estimates for value in estimate]  # fmt: skip
        counts = [len(setting.whole), len(setting.outcomes) - len(setting.whole)]
        p_value = "" if setting.p_value is None else setting.p_value
        rows.append([*setting.values.values(), *counts, *numbers, p_value])
    return [*header, "p_against_best"], rows


def _member_rows(settings: Sequence[Setting], seed: int) -> tuple[list[str], list[list[Any]]]:
    splits = [
        split
        for split in ("validation", "test")
        if any(split in outcome.figures for setting in settings for outcome in setting.outcomes)
    ]
    columns = [(split, name) for split in splits for name in FIGURES]
    header = ["member", *settings[0].values, "seed", "diverged_in_epoch", "validation_loss"]
    rows = []
    for setting in settings:
        for number, outcome in enumerate(setting.outcomes):
            loss = "" if outcome.diverged else outcome.history[-1].validation_loss
            values = [outcome.figures.get(split, {}).get(name) for split, name in columns]
            rows.append(
                [
                    outcome.place,
                    *setting.values.values(),
                    seed + number,
                    outcome.diverged or "",
                    loss,
                    *("" if value is None else value for value in values),
                ]
            )
    return [*header, *(f"{split}_{name}" for split, name in columns)], rows


def _notes(grid: Grid) -> list[str]:
    if grid.seeds == 1:
        return ["One seed tells nothing of the spread between seeds: give 3 `seeds` or more."]
    return [
        "The intervals are about other seeds, not about other patients: of a setting's figure on "
        "new images, the report of the best member tells more.",
        "p: Student's test on the differences between runs of the same seed, adjusted for their "
        "number (Holm). Missing where all differences are alike.",
    ]


def _cautions(
    settings: Sequence[Setting], outcomes: Sequence[Outcome], record: Mapping[str, Any]
) -> list[str]:
    cautions = list(record["warnings"])
    if len(settings) > 1:
        cautions.append(
            f"the best of {len(outcomes)} members was chosen on the validation images, which "
            "therefore flatter it; images kept apart (a test split) would judge more strictly"
        )
    if fallen := [outcome.place for outcome in outcomes if outcome.diverged]:
        cautions.append(
            f"{len(fallen)} member(s) diverged and count in no mean: "
            f"{', '.join(map(str, fallen[:20]))}{', ...' if len(fallen) > 20 else ''}"
        )
    return cautions


def _on_terminal(settings: Sequence[Setting]) -> list[str]:
    table = _settings_table(settings)
    rows = [
        [f"{cell['value']} ({cell['interval']})" if isinstance(cell, dict) and cell["interval"]
         else cell["value"] if isinstance(cell, dict) else str(cell) for cell in row]
        for row in table["rows"]
    ]  # fmt: skip
    lines = [table["header"], *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def _within(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{estimate.low:.3f} to {estimate.high:.3f}"


def _percent(estimate: Estimate) -> str:
    share = f"{100 * estimate.value:.1f} %"
    if estimate.low is None or estimate.high is None:
        return share
    return f"{share} (95 % interval {100 * estimate.low:.1f} to {100 * estimate.high:.1f} %)"
