import json

import numpy as np

from jaxcovid.statistics.findings import measure_findings
from tests.statistics.predictions import CLASSES


def test_findings_are_measured_each_by_itself():
    targets = np.array([[1, 0, 1], [1, 0, 1], [0, 0, 1], [0, 0, 0]])
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
