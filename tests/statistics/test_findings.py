import json

import numpy as np
import pytest
from sklearn import metrics

from jaxcovid.statistics.findings import finding_points, measure_findings, measure_several
from tests.statistics.predictions import CLASSES


def test_findings_are_measured_each_by_itself():
    targets = np.array([[1, 0, 1], [1, 0, 1], [0, 0, 1], [0, 0, 0]], float)
    shares = np.array([[0.9, 0, 0.8], [0.4, 0, 0.6], [0.1, 0, 0.7], [0.2, 0, 0.9]], np.float32)
    got = measure_findings(targets, shares, CLASSES)
    assert got["exact_match"] == 0.5
    assert got["per_finding"]["a"]["support"] == 2 and got["per_finding"]["a"]["recall"] == 0.5
    assert got["per_finding"]["a"]["precision"] == got["per_finding"]["a"]["auroc"] == 1
    assert got["per_finding"]["c"]["precision"] == 0.75
    assert got["per_finding"]["c"]["specificity"] == 0
    assert got["per_finding"]["b"]["recall"] is None
    assert got["undefined"]["per_finding.b.recall"]
    assert set(got["intervals"]["per_finding"]) == set(CLASSES)
    json.dumps(got, allow_nan=False)


def made_up(count=200, seed=0):
    """Findings of which some are unknown, and scores that tell of them."""
    random = np.random.default_rng(seed)
    targets = (random.random((count, 3)) < (0.5, 0.3, 0.1)).astype(float)
    scores = (1 / (1 + np.exp(-(2 * targets - 1 + random.normal(0, 1, targets.shape))))).astype(
        np.float32
    )
    targets[random.random(targets.shape) < 0.2] = np.nan
    return targets, scores


def test_what_is_unknown_of_a_finding_does_not_count():
    targets, scores = made_up()
    got = measure_several(targets, scores, CLASSES)
    areas = []
    for column, name in enumerate(CLASSES):
        known = ~np.isnan(targets[:, column])
        truth, of_known = targets[known, column], scores[known, column]
        values = got["per_finding"][name]
        assert (values["known"], values["support"]) == (known.sum(), truth.sum())
        assert values["auroc"] == pytest.approx(metrics.roc_auc_score(truth, of_known))
        assert values["auprc"] == pytest.approx(metrics.average_precision_score(truth, of_known))
        areas.append(values["auroc"])
    assert got["auroc"] == pytest.approx(np.mean(areas))
    low, high = got["intervals"]["auroc"]
    assert low < got["auroc"] < high
    ends = [got["intervals"]["per_finding"][name]["auroc"] for name in CLASSES]
    assert high - low < max(end - start for start, end in ends)
    known = ~np.isnan(targets).any(1)
    exact = ((scores[known] > 0.5) == targets[known]).all(1).mean()
    assert got["exact_match"] == pytest.approx(exact)
    json.dumps(got, allow_nan=False)


def test_sensitivity_at_the_thresholds_of_other_images():
    points = finding_points(*made_up(seed=1), CLASSES)
    targets, scores = made_up()
    got = measure_several(targets, scores, CLASSES, thresholds=points)["per_finding"]
    for column, name in enumerate(CLASSES):
        found = scores[:, column] >= points[name]["90"]
        share = found[targets[:, column] == 1].mean()
        assert got[name]["sensitivity_at_90"] == pytest.approx(share)
        assert got[name]["specificity_at_90"] == pytest.approx(0.9, abs=0.1)
    assert "sensitivity_at_90" not in measure_several(targets, scores, CLASSES)["per_finding"]["a"]


def test_images_of_a_patient_widen_intervals_and_nothing_known_is_none():
    targets, scores = (np.repeat(values, 4, axis=0) for values in made_up(60))
    alone = measure_several(targets, scores, CLASSES)
    together = measure_several(targets, scores, CLASSES, groups=np.arange(240) // 4)
    for name in ("auroc", "auprc"):
        narrow, wide = (np.ptp(one["intervals"][name]) for one in (alone, together))
        assert wide > 1.5 * narrow
    assert together["patients"] == 60
    targets[:] = np.nan
    targets[:, 0] = 1
    nothing = measure_several(targets, scores, CLASSES)
    assert nothing["auroc"] is nothing["exact_match"] is nothing["intervals"]["auroc"] is None
    assert nothing["undefined"]["auroc"] == "undefined for every finding"
    json.dumps(nothing, allow_nan=False)
