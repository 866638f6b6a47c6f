"""Verdict and cautions on several findings per image: all follows from the figures."""

import re

import numpy as np

from jaxcovid.report.finding_words import finding_cautions, findings_summary, findings_verdict
from tests.report import finding_example


def figure(results, name):
    metrics = results.splits[results.main].metrics
    return metrics["per_finding"][name]["auroc"], metrics["intervals"]["per_finding"][name]["auroc"]


def test_the_verdict_says_the_mean_the_best_and_the_worst():
    results = finding_example.plain()
    metrics = results.splits["test"].metrics
    verdict = findings_verdict(results)
    low, high = metrics["intervals"]["auroc"]
    mean = f"{metrics['auroc']:.3f} ({low:.3f} to {high:.3f})"
    assert verdict.startswith(f"On 30 test images mean AUROC over 3 findings is {mean}. Told best")
    areas = {name: figure(results, name)[0] for name in results.findings}
    best, worst = (choose(areas, key=areas.__getitem__) for choose in (max, min))
    assert f"Told best is “{best}”, {areas[best]:.3f} (" in verdict
    assert f"least “{worst}”, {areas[worst]:.3f} (" in verdict
    ends = [figure(results, name)[1] for name in areas]
    doubtful = [low_high for low_high in ends if low_high is not None and low_high[0] <= 0.5]
    said = re.search("No better than chance for certain (?:is|are) (.*?)[.]", verdict)
    assert (said is None) == (not doubtful)


def test_a_network_that_guesses_is_called_no_better_than_chance():
    verdict = findings_verdict(finding_example.results(skill=0))
    assert "No better than chance for certain are “" in verdict


def test_elsewhere_the_runs_own_figure_stands_beside():
    internal = {"split": "test", "auroc": {"value": 0.9, "low": 0.8, "high": 0.95}}
    results = finding_example.results(training=False, settings={"internal": internal})
    verdict = findings_verdict(results)
    assert verdict.endswith("On its own test images it was 0.900 (0.800 to 0.950).")
    assert "watch the training" not in " ".join(finding_cautions(results).weighty)


def test_findings_that_all_have_have_no_area():
    internal = {"split": "test", "auroc": {"value": 0.9, "low": 0.8, "high": 0.95}}
    results = finding_example.plain()
    results = results._replace(settings={**results.settings, "internal": internal})
    name, metrics = results.findings[0], results.splits["test"].metrics
    per_finding = metrics["per_finding"] | {name: metrics["per_finding"][name] | {"auroc": None}}
    split = results.splits["test"]._replace(metrics=metrics | {"per_finding": per_finding})
    changed = results._replace(splits={**results.splits, "test": split})
    assert "mean AUROC over 2 of 3 findings is" in findings_verdict(changed)
    assert "On its own" in findings_verdict(results)
    assert "On its own" not in findings_verdict(changed)
    none = {one: values | {"auroc": None} for one, values in per_finding.items()}
    split = split._replace(metrics=metrics | {"per_finding": none})
    changed = changed._replace(splits={"test": split})
    assert findings_verdict(changed).startswith("On 30 test images no finding is both there and")


def test_cautions():
    weighty, others = finding_cautions(finding_example.plain())
    assert weighty[0] == "a <b>warning</b>"
    counts = finding_example.plain().splits["test"].metrics["per_finding"]
    few = ", ".join(f"{name} {values['support']}" for name, values in counts.items())
    assert weighty[-1] == (
        "test: fewer than 30 images have 3 findings, so what is said of them is uncertain: " + few
    )
    assert "1 unreadable image left out, such as train/a/<i>broken.png: cut short" in others
    assert any(text.startswith("not checked: what is reached without lungs") for text in others)
    _, others = finding_cautions(finding_example.results(patients=False))
    assert others[-1].startswith("test: it is not known which images are of one patient")
    sizes = {"train": 60, "validation": 40}
    weighty, _ = finding_cautions(finding_example.results(sizes=sizes))
    assert any("to choose the epoch and to choose thresholds" in text for text in weighty)


def test_the_summary_has_a_line_for_each_finding():
    results = finding_example.plain()
    lines = findings_summary(results).splitlines()
    for name, of_finding in results.splits["test"].metrics["per_finding"].items():
        start = f"{name}: {of_finding['support']} of {of_finding['known']} images, AUROC "
        assert any(line.startswith(start) for line in lines)
    assert lines[-1] == "Measured and saved after epoch 2 of 3, that of lowest validation loss"
    assert np.isfinite(results.splits["test"].metrics["auroc"])
