import numpy as np

from jaxcovid.data.finding_codes import finding_codes
from jaxcovid.report.findings_page import findings_page, findings_pictures
from jaxcovid.runs.gather_findings import gather_findings
from tests.report import example, finding_example
from tests.small_runs import blank_charts


def test_every_split_is_measured_at_thresholds_of_the_validation_images():
    results = finding_example.plain()
    data = finding_example.dataset()
    assert results.main == "test" and list(results.splits) == ["train", "validation", "test"]
    for name, split in results.splits.items():
        codes = finding_codes(data.classes, data.findings)[data.splits[name].labels]
        np.testing.assert_array_equal(split.targets, codes)
        assert split.metrics is not None and split.metrics["loss"] == 0.7
        assert split.metrics["patients"] == len(codes) // 2
    for column, name in enumerate(results.findings):
        validation = results.splits["validation"]
        absent = validation.probabilities[validation.targets[:, column] == 0, column]
        assert (absent < results.thresholds[name]["90"]).mean() >= 0.9
    assert results.audit is not None
    assert {name: check["passed"] for name, check in results.audit.checks.items()} == {
        "blind_floor": None, "duplicates": True, "patients": None,
    }  # fmt: skip


def test_examples_have_the_finding_and_are_told_most_and_least_surely():
    results = finding_example.plain()
    measured = results.splits["test"]
    for column, name in enumerate(results.findings):
        have = measured.targets[:, column] == 1
        examples = results.examples[name]
        of_finding = measured.probabilities[have, column]
        shown = [measured.probabilities[example.place, column] for example in examples]
        assert shown == [of_finding.max(), of_finding.min()][: len(shown)]
        assert [example.best for example in examples] == [True, False][: len(shown)]


def test_unlabelled_images_are_answered_and_not_measured():
    data = finding_example.dataset()
    unlabelled = data.splits["test"]._replace(labels=np.full(30, -1, np.int32))
    data = data._replace(splits={**data.splits, "test": unlabelled})
    predicted = finding_example.predictions(finding_example.dataset())
    results = gather_findings("x", data, predicted, example.explain, example.SETTINGS)
    assert results.main == "validation" and results.splits["test"].metrics is None
    assert np.isnan(results.splits["test"].targets).all()


def test_images_in_which_nothing_was_found_have_no_examples():
    data = finding_example.dataset({"test": 12})
    nothing = data.splits["test"]._replace(labels=np.zeros(12, np.int32))
    data = data._replace(classes=("no finding",), splits={"test": nothing})
    predicted = finding_example.predictions(data)
    results = gather_findings("x", data, predicted, example.explain, example.ELSEWHERE)
    assert results.examples == {} and results.splits["test"].metrics["auroc"] is None
    with blank_charts():
        page = findings_page(results, dict(findings_pictures(results)))
    assert "no finding is both there and not" in page and 'href="#examples"' not in page
