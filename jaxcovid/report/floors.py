"""What the page shows of the blind floor: how far one comes without the lungs."""

from collections.abc import Mapping
from typing import Any

from jaxcovid.audits.blind_floor import NOTABLE
from jaxcovid.report import tables
from jaxcovid.report.checks import above_guessing
from jaxcovid.report.pictures import floor_auroc
from jaxcovid.report.tables import MISSING, Table
from jaxcovid.report.words import images_of, reason_words, sentence, short
from jaxcovid.results import FLOORS


def floor_content(check: Mapping[str, Any]) -> dict[str, Any]:
    """Sentences, the table and the chart of the blind floor, as audit.json holds it."""
    floors = {name: check[key] for key, name in FLOORS.items() if key in check}
    missing: dict[str, list[str]] = {}
    for name, floor in floors.items():
        of_auroc = (floor.get("auroc") or {}).get("reason")
        reason = floor.get("reason") or (of_auroc and f"no interval, as {of_auroc}")
        if reason:
            missing.setdefault(reason_words(reason), []).append(name.partition(" (")[0])
    which = images_of(check["split"])
    sentences = []
    if check["found"]:
        names = ", ".join(FLOORS[item["floor"]].partition(" (")[0] for item in check["found"])
        sentences.append(
            f"Above guessing without the lungs: {names}. A shortcut exists; that the network uses "
            "it is not shown by this."
        )
    elif check["passed"]:
        slightly = ", ".join(FLOORS[name].partition(" (")[0] for name in above_guessing(check))
        sentences.append(
            f"Slightly above guessing without the lungs: {slightly}. A shortcut counts as one from "
            f"a macro AUROC of {NOTABLE} on."
            if slightly
            else "None comes clearly above guessing without the lungs."
        )
    how = check["how"]
    sentences.append(f"Simple classifiers, each shown only what is named, on {which}: {how}.")
    sentences += [sentence(f"{', '.join(names)}: {why}") for why, names in missing.items()]
    charts = ["floors"] if any(floor_auroc(floor) is not None for floor in floors.values()) else []
    table = _floor_table(check, floors)
    return {"sentences": sentences, "tables": [table] if table["rows"] else [], "charts": charts}


def _floor_table(check: Mapping[str, Any], floors: Mapping[str, Mapping[str, Any]]) -> Table:
    """The network, every floor that is measured, and the network's lead over the strongest."""
    network, lead = check.get("network"), check.get("lead")
    several = any(len(floor.get("auroc_of", ())) > 2 for floor in floors.values())

    def row(name: Any, figures: Mapping[str, Any], form: str = ".3f") -> list[Any]:
        best = [_best_class(figures)] if several else []
        return [name, *figure_cells(figures, form), *best]

    rows = [] if network is None else [row("the network", network)]
    for name, floor in floors.items():
        if floor_auroc(floor) is not None:
            what, _, more = name.partition(" (")
            rows.append(row({"value": what, "interval": more.removesuffix(")")}, floor))
    if lead and lead.get("auroc"):
        strongest = FLOORS[check["strongest"]].partition(" (")[0]
        rows.append(row(f"network minus {strongest}", lead, "+.3f"))
    header = ["what is shown", "macro AUROC", "balanced accuracy"]
    table = {"title": "Floors", "caption": "", "header": header, "rows": rows}
    if not several:
        return table
    # Intervals below figures, so that the table has room beside the chart.
    return {**table, "header": [*header, "AUROC of the class told best"], "stacked": True}


def _best_class(figures: Mapping[str, Any]) -> dict[str, str]:
    """The class of the highest AUROC with it: a mean over classes may hide it."""
    of_class = {
        name: figure
        for name, figure in figures.get("auroc_of", {}).items()
        if figure["value"] is not None
    }
    if not of_class:
        return {"value": MISSING, "interval": ""}
    name = max(of_class, key=lambda name: of_class[name]["value"])
    cell = tables.figure_cell(of_class[name])
    return {"value": f"{short(name)} {cell['value']}", "interval": cell["interval"]}


def figure_cells(floor: Mapping[str, Any], form: str = ".3f") -> list[dict[str, str]]:
    """Cells of macro AUROC and balanced accuracy."""
    return [tables.figure_cell(floor.get(name), form) for name in ("auroc", "balanced_accuracy")]
