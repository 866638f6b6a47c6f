"""The page of a network that tells several findings of each image."""

import re

import pytest

from jaxcovid.report.findings_page import findings_page, findings_pictures, findings_table
from tests.report import finding_example
from tests.small_runs import blank_charts


@pytest.fixture(scope="module")
def drawn():
    results = finding_example.plain()
    with blank_charts():
        pictures = dict(findings_pictures(results))
    return results, pictures, findings_page(results, pictures, files=["predictions.csv"])


def test_a_row_for_each_finding_with_its_figures(drawn):
    results, _, _ = drawn
    table = findings_table("test", results.splits["test"])
    assert table["header"] == [
        "finding", "with it", "AUROC", "AUPRC", "sensitivity at 90 % specificity",
        "sensitivity at 95 % specificity",
    ]  # fmt: skip
    metrics = results.splits["test"].metrics
    for row in table["rows"]:
        values = metrics["per_finding"][row[0]]
        assert row[1] == f"{values['support']} of {values['known']}"
        assert row[2]["value"] == f"{values['auroc']:.3f}"
        assert row[4]["value"] == f"{values['sensitivity_at_90']:.3f}"


def test_pictures_of_curves_findings_and_examples(drawn):
    results, pictures, _ = drawn
    names = {"loss", "accuracy", "training_views", "findings", "roc_test", "roc_validation"}
    examples = [one for of_finding in results.examples.values() for one in of_finding]
    names |= {f"example_{n}{kind}" for n in range(len(examples)) for kind in ("", "_grad_cam")}
    assert set(pictures) == names
    assert "roc_train" not in pictures


def test_the_page_is_one_file_that_says_what_the_figures_say(drawn):
    results, _, page = drawn
    assert "Not for clinical use." in page and "<script" not in page
    assert not re.search(r'(src|href)="(?!data:|#|predictions\.csv)', page)
    assert "&lt;b&gt;edema&lt;/b&gt;" in page and "<b>edema" not in page
    metrics = results.splits["test"].metrics
    for name in ("auroc", "auprc", "exact_match"):
        low, high = metrics["intervals"][name]
        assert f"<b>{metrics[name]:.3f}</b>" in page and f"{low:.3f} to {high:.3f}" in page
    for title in ("Each finding", "What was trained, what was frozen", "Checks of the data"):
        assert f">{title}</h2>" in page
    ids = re.findall(r'id="([^"]+)"', page)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_an_evaluation_has_no_plan():
    results = finding_example.results(training=False, sizes={"test": 20}, patients=False)
    with blank_charts():
        pictures = dict(findings_pictures(results))
        page = findings_page(results, pictures)
    assert "what was frozen" not in page and "loss" not in pictures
    assert "sensitivity at 90" not in page  # there are no thresholds
