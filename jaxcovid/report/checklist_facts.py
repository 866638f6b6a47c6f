"""What answers to a checklist have in common: an answer, and where its facts lie."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from jaxcovid.report import words
from jaxcovid.results import Results

FIGURES = ("accuracy", "balanced_accuracy", "auroc")


class Answer(NamedTuple):
    """What the record says, in sentences, and what it should say too and does not."""

    text: str
    missing: str = ""


def is_evaluation(results: Results) -> bool:
    """Whether a network was measured on other data than its run's."""
    return "network" in results.settings


def of_training(results: Results) -> Mapping[str, Any]:
    """The record of the run that made the network; empty if its file of weights alone is known."""
    return results.settings.get("run", {}) if is_evaluation(results) else results.settings


def named(results: Results, split: str) -> str:
    """A split as a reader of a report knows it."""
    if is_evaluation(results):
        return f"evaluation set (folder {split})"
    return {
        "train": "training set (folder train)",
        "validation": "tuning set (folder validation)",
        "test": "internal test set (folder test)",
    }[split]


def counts(results: Results, split: str) -> str:
    """How many images a split has, of how many patients, and of which classes."""
    metrics = results.splits[split].metrics
    text = words.counted(len(results.splits[split].labels), "image")
    if metrics is None:
        return f"{text} without labels" if (results.splits[split].labels < 0).any() else text
    if metrics["patients"] is not None:
        text += f" of {words.counted(metrics['patients'], 'patient')}"
    classes = [
        f"{words.short(name)} {values['support']:,}"
        for name, values in metrics["per_class"].items()
    ]
    return f"{text} ({', '.join(classes)})"


def figures_of(metrics: Mapping[str, Any]) -> str:
    """The headline figures with their 95 % intervals."""
    return ", ".join(
        f"{words.OVERALL[key]} {words.with_interval(metrics[key], metrics['intervals'][key])}"
        for key in FIGURES
        if metrics[key] is not None
    )


def check(results: Results, name: str) -> Mapping[str, Any]:
    """A check of the data by name; empty if there was none."""
    return {} if results.audit is None else results.audit.checks.get(name, {})
