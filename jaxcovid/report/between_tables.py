"""How far networks of folds and of seeds differ, in tables."""

from collections.abc import Mapping
from typing import Any

from jaxcovid.config import TrainingSettings, from_json
from jaxcovid.data.augmentations import augmentation_of
from jaxcovid.report import words
from jaxcovid.report.between import FIGURES, deviation
from jaxcovid.report.tables import MISSING, Table, cell
from jaxcovid.results import Parted, Results


def folds_table(results: Results) -> Table | None:
    """Each fold's figures on the images that it left out; None without folds."""
    if results.folds is None:
        return None
    count = 1 if results.seeds is None else len(results.seeds.numbers)
    several = f" Of each fold the {count} networks answer together." if count > 1 else ""
    # The epoch is chosen only if it need not be the last.
    what = "Its thresholds" if results.settings["select"] == "last" else "Its epoch and thresholds"
    return _table(
        "Each fold, on the images that it left out",
        f"Every network is a run in a folder of its own.{several} {what} were chosen on patients "
        "that it neither trained on nor is measured on.",
        "fold",
        results.folds,
    )


def seeds_table(results: Results) -> Table | None:
    """Each seed's figures on the images that are measured, and all seeds' together; or None."""
    if results.seeds is None:
        return None
    settings = results.settings
    augmented = augmentation_of(from_json(TrainingSettings, dict(settings))) is not None
    same_views = settings["views"] and augmented
    views = ", and the same augmented views of them" if same_views else ""
    whose = "seed's network" if results.folds is None else "seed's networks"
    table = _table(
        f"Each {whose} by itself, on {words.images_of(results.main)}",
        f"Every network is a run in a folder of its own. All seeds trained on the same images"
        f"{views}.",
        "seed",
        results.seeds,
    )
    together = results.splits[results.main].metrics
    assert together is not None
    table["rows"].append(["all together", *_cells(together), ""])
    return table


def _table(title: str, caption: str, kind: str, parted: Parted) -> Table:
    rows = [
        [f"{kind} {number}", *_cells(metrics), ", ".join(map(str, epochs))]
        for number, metrics, epochs in zip(
            parted.numbers, parted.metrics, parted.epochs, strict=True
        )
    ]
    spread = [
        MISSING if (value := deviation(parted, name)) is None else f"{value:.3f}"
        for name in FIGURES
    ]
    rows.append(["standard deviation", "", "", *spread, ""])
    header = ["", "images", "patients", *(words.OVERALL[name] for name in FIGURES), "epoch"]
    return {"title": title, "caption": caption, "header": header, "rows": rows}


def _cells(metrics: Mapping[str, Any]) -> list[Any]:
    return [
        metrics["examples"],
        MISSING if metrics["patients"] is None else metrics["patients"],
        *(cell(metrics[name], metrics["intervals"][name]) for name in FIGURES),
    ]
