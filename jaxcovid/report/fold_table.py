"""The table of a cross-validation's folds."""

from jaxcovid.report import words
from jaxcovid.report.fold_words import FIGURES, deviation, fold_figures
from jaxcovid.report.tables import MISSING, Table, cell
from jaxcovid.results import Results


def folds_table(results: Results) -> Table | None:
    """Each fold's figures on the images that it left out; None without folds."""
    if results.folds is None:
        return None
    rows = [
        [
            f"fold {number}",
            test["examples"],
            MISSING if test["patients"] is None else test["patients"],
            *(cell(test[name], test["intervals"][name]) for name in FIGURES),
            metrics["measured_epoch"]["epoch"],
        ]
        for number, metrics in enumerate(results.folds.metrics, 1)
        for test in [metrics["test"]]
    ]
    spread = [
        MISSING if (value := deviation(values)) is None else f"{value:.3f}"
        for values in fold_figures(results).values()
    ]
    rows.append(["standard deviation", "", "", *spread, ""])
    return {
        "title": "Each fold, on the images that it left out",
        "caption": "Every fold is a run in a folder of its own. Its epoch and its thresholds were "
        "chosen on a part of the patients that trained it.",
        "header": ["", "images", "patients", *(words.OVERALL[name] for name in FIGURES), "epoch"],
        "rows": rows,
    }
