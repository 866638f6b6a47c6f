"""Results on several findings per image for the tests of their page, with awkward names."""

import functools

import numpy as np

from jaxcovid.data.dataset import Dataset
from jaxcovid.data.finding_codes import combination_of, finding_codes
from jaxcovid.results import FindingResults
from jaxcovid.runs.gather_findings import gather_findings
from jaxcovid.training.evaluation import Predictions
from tests.report import example

FINDINGS = ("<b>edema</b>", "mass & nodule", "$rare")


def dataset(sizes=example.SIZES, patients=True) -> Dataset:
    random = np.random.default_rng(0)
    plain = example.dataset(sizes, patients=patients)
    names, splits = {}, {}
    for name, split in plain.splits.items():
        states = (random.random((len(split.labels), 3)) < (0.5, 0.4, 0.1)).astype(float)
        states[random.random(states.shape) < 0.1] = np.nan
        states[:, 0] = np.nan_to_num(states[:, 0])
        states[0] = 1
        labels = [
            names.setdefault(combination_of(dict(zip(FINDINGS, row, strict=True))), len(names))
            for row in states.tolist()
        ]
        miniatures = random.integers(0, 256, split.miniatures.shape, np.uint8)
        splits[name] = split._replace(labels=np.array(labels, np.int32), miniatures=miniatures)
    return plain._replace(classes=tuple(names), findings=FINDINGS, splits=splits)


def predictions(data: Dataset, skill=1.5) -> dict[str, Predictions]:
    random = np.random.default_rng(1)
    by_split = {}
    for name, split in data.splits.items():
        targets = np.nan_to_num(finding_codes(data.classes, data.findings)[split.labels])
        logits = random.normal(size=targets.shape) + skill * (targets - 0.5)
        by_split[name] = Predictions((1 / (1 + np.exp(-logits))).astype(np.float32), 0.7, 0.5)
    return by_split


@functools.cache
def plain() -> FindingResults:
    """The results of a run, made once."""
    return results()


def results(skill=1.5, training=True, settings=None, **options) -> FindingResults:
    data = dataset(**options)
    return gather_findings(
        "resnet18, training head, on x-rays <b>",
        data,
        predictions(data, skill),
        example.explain,
        (example.SETTINGS if training else example.ELSEWHERE) | (settings or {}),
        training=example.training() if training else None,
    )
