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
        "caption": f"Every fold is a run in a folder of its own. {_chosen(results)} on patients "
        "that it neither trained on nor is measured on.",
        "header": ["", "images", "patients", *(words.OVERALL[name] for name in FIGURES), "epoch"],
        "rows": rows,
    }


def _chosen(results: Results) -> str:
    """What was chosen for each fold: the epoch only if it need not be the last."""
    what = "Its thresholds" if results.settings["select"] == "last" else "Its epoch and thresholds"
    return f"{what} were chosen"
