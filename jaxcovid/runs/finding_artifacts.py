"""The files of results on several findings per image, in a run's or an evaluation's folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jaxcovid import report
from jaxcovid.checksums import tables_of, write_checksums
from jaxcovid.data.finding_codes import combination_of
from jaxcovid.report import DISCLAIMER
from jaxcovid.results import FindingResults
from jaxcovid.runs import files
from jaxcovid.runs.artifacts import measured_record, write_checks, write_config, write_plots
from jaxcovid.seal import sealed
from jaxcovid.training.evaluation import Bar


def write_findings(
    folder: Path, results: FindingResults, bar: Bar = lambda items, **_: items
) -> None:
    """Writes predictions.csv, audit.json, plots/, report.html and metrics.json, as for classes.

    metrics.json comes last: if it is there, so is all that there will be. Raises OSError.
    """
    header = ["split", "path", "label", "prediction", "correct"]
    header += [f"{what}_{name}" for what in ("prob", "label") for name in results.findings]
    header.append("note")
    if has_people := any(split.people for split in results.splits.values()):
        header.append("patient")
    files.write_csv(folder / "predictions.csv", header, _prediction_rows(results, has_people))
    if results.audit is not None:
        about = {"data_fingerprint": results.settings["data_fingerprint"]}
        write_checks(folder, results.audit, about)
    pictures = report.findings_pictures(results)
    drawings = dict(bar(pictures, desc="Drawing", unit="picture", delay=0.5))
    write_plots(folder, drawings)
    beside = [*(path.name for path in folder.iterdir()), "metrics.json"]
    page = report.findings_page(results, drawings, files=beside)
    files.write_bytes(folder / "report.html", page.encode())
    if results.training is not None:
        write_checksums(folder, tables_of(folder))
    files.write_json(
        folder / "metrics.json", sealed({**measured_record(results), "disclaimer": DISCLAIMER})
    )


def write_findings_evaluation(
    folder: Path, results: FindingResults, bar: Bar = lambda items, **_: items
) -> None:
    """Writes config.json and what `write_findings` does, of a network on other data.

    Raises OSError.
    """
    write_config(folder, results.settings)
    write_findings(folder, results, bar)


def _prediction_rows(results: FindingResults, has_people: bool) -> Iterator[list[Any]]:
    """A row for each image: all findings together, then the probability and the truth of each.

    An image is told right if all its known findings are, at one half; what is unknown stays empty.
    """
    names = results.findings
    for split_name, split in results.splits.items():
        people = split.people or [""] * len(split.paths)
        notes = split.notes or [""] * len(split.paths)
        rows = zip(split.paths, split.targets, split.probabilities, notes, people, strict=True)
        for path, targets, probabilities, note, person in rows:
            known, found = ~np.isnan(targets), probabilities > 0.5
            label, correct = "", ""
            if known.any():
                label = combination_of(dict(zip(names, map(float, targets), strict=True)))
                correct = bool((found == targets)[known].all())
            prediction = combination_of(dict(zip(names, map(float, found), strict=True)))
            truth = [int(target) if of else "" for target, of in zip(targets, known, strict=True)]
            numbers = [f"{value:.6f}" for value in probabilities]
            row = [split_name, path, label, prediction, correct, *numbers, *truth, note]
            yield [*row, person] if has_people else row
