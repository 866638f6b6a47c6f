"""A run and an evaluation with whole records, for the tests of the checklist."""

import functools

from jaxcovid.config import Config, as_json
from jaxcovid.results import Audit
from tests.report import audits, example

RECORD = {
    **as_json(Config(data="xrays", seed=7, epochs=3)),
    **example.SETTINGS,
    "weights_source": "resnet18.pth, with a new head",
    "git_commit": "c0ffee",
    "versions": {"python": "3.11", "jaxcovid": "0.1", "jax": "0.10"},
    "device": {"platform": "cpu", "kind": "cpu", "count": 1, "processes": 1},
    "warnings": [],
}
INTERNAL = {"split": "validation", "auroc": audits.figure(0.919, 0.88, 0.95)}


@functools.cache
def _results(with_training, splits, patients):
    sizes = {name: example.SIZES[name] for name in splits}
    data = example.dataset(sizes, ("covid", "normal", "pneumonia"), patients)
    thresholds = None if with_training else {"covid": {"90": 0.5, "95": 0.6}}
    return example.results(data, with_training, thresholds=thresholds)


def run(splits=("train", "validation", "test"), patients=True, audit=None, **settings):
    given = _results(True, splits, patients)
    return given._replace(settings={**RECORD, **settings}, audit=audit)


def evaluation(record=RECORD, internal=INTERNAL, audit=None, **settings):
    more = {} if internal is None else {"internal": internal}
    given = _results(False, ("test",), True)
    return given._replace(
        settings={**example.ELSEWHERE, "warnings": [], "run": record, **more, **settings},
        audit=audit,
    )


def with_groups(given, groups):
    """The same with a table of subgroups of the split `main`."""
    check = {"passed": True, "found": [], "table": groups}
    return given._replace(audit=Audit({"subgroups": check}))
