"""From a network's answers on several findings per image to results: every split measured."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxcovid.audits import duplicates, leaks
from jaxcovid.data import blank
from jaxcovid.data.dataset import Dataset, Split
from jaxcovid.data.finding_codes import finding_codes
from jaxcovid.data.patient_digests import patient_digests
from jaxcovid.results import (
    MOST_FINDINGS_SHOWN,
    ORDER,
    Audit,
    Example,
    FindingResults,
    MeasuredFindings,
    Training,
)
from jaxcovid.runs.audit import pairs_of
from jaxcovid.runs.gather import Explain
from jaxcovid.statistics.findings import finding_points, measure_several
from jaxcovid.statistics.weighted_metrics import Thresholds
from jaxcovid.training.evaluation import Predictions

NO_FLOOR = "it is measured where images are of one class each"


def gather_findings(
    title: str,
    dataset: Dataset,
    predictions: Mapping[str, Predictions],
    explain: Explain,
    settings: Mapping[str, Any],
    *,
    thresholds: Thresholds | None = None,
    training: Training | None = None,
    loss_name: str = "loss",
    out_of_place: Mapping[str, Any] | None = None,
) -> FindingResults:
    """Measures every split that says of images which findings they have.

    Arguments are as in `gather_results`, but `thresholds` are `finding_points`.
    """
    findings, codes = dataset.findings, finding_codes(dataset.classes, dataset.findings)
    targets = {
        name: np.where(split.labels[:, None] < 0, np.float32(np.nan), codes[split.labels])
        for name, split in dataset.splits.items()
    }
    if thresholds is None and "validation" in targets:
        of_validation = predictions["validation"].probabilities
        thresholds = finding_points(targets["validation"], of_validation, findings)
    splits = {}
    for name, split in dataset.splits.items():
        probabilities, patients = predictions[name].probabilities, dataset.patients.get(name)
        metrics = None
        if len(split.labels) and (split.labels >= 0).all():
            metrics = {loss_name: predictions[name].loss} | measure_several(
                targets[name], probabilities, findings, groups=patients, thresholds=thresholds
            )
        splits[name] = MeasuredFindings(
            split.paths,
            targets[name],
            probabilities,
            metrics,
            patients,
            notes=blank.notes(split, predictions[name].remarks),
            people=patient_digests(dataset, name),
        )
    main = next(name for name in ORDER if name in splits and splits[name].metrics is not None)
    return FindingResults(
        title,
        findings,
        splits,
        main,
        thresholds or {},
        _examples(dataset.splits[main], splits[main], findings, explain),
        settings,
        training,
        Audit(
            {
                "blind_floor": {"passed": None, "reason": NO_FLOOR, "found": []},
                "duplicates": duplicates.duplicates(dataset, pairs_of(dataset)),
                "patients": leaks.patients(dataset),
                **({} if out_of_place is None else {"out_of_place": out_of_place}),
            }
        ),
    )


def _examples(
    split: Split, measured: MeasuredFindings, findings: Sequence[str], explain: Explain
) -> dict[str, list[Example]]:
    """Of each of the commonest findings the images with it that are told most and least surely."""
    counts = (measured.targets == 1).sum(0)
    shown = np.sort(np.argsort(-counts, kind="stable")[:MOST_FINDINGS_SHOWN])
    chosen: list[tuple[int, int, bool]] = []
    for finding in map(int, shown):
        members = np.flatnonzero(measured.targets[:, finding] == 1)
        ranked = members[np.argsort(-measured.probabilities[members, finding], kind="stable")]
        chosen += [(finding, int(place), True) for place in ranked[:1]]
        chosen += [(finding, int(place), False) for place in ranked[1:][-1:]]
    if not chosen:
        return {}
    places = np.array([place for _, place, _ in chosen], np.int64)
    pixels = split.evaluation[places]
    heats = explain(pixels, np.array([finding for finding, _, _ in chosen], np.int64))
    examples: dict[str, list[Example]] = {}
    for (finding, place, best), image, heat in zip(chosen, pixels, heats, strict=True):
        examples.setdefault(findings[finding], []).append(Example(place, best, image, heat))
    return examples
